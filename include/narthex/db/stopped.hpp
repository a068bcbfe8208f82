// What long reading throws when somebody wanted it to end.
#pragma once

#include <stdexcept>

namespace narthex::db {

class Stopped : public std::runtime_error {
  public:
    Stopped() : std::runtime_error("interrupted") {}
};

}  // namespace narthex::db
