// Points in time on the command line, as in the admin API.
#pragma once

#include "narthex/service/time_text.hpp"

namespace narthex::app {

using service::parse_expiry;
using service::time_text;

}  // namespace narthex::app
