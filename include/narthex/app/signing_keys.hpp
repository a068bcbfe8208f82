// The secret keys of a server: files that only their owner reads, never rows of the database.
#pragma once

#include "narthex/core/signature.hpp"

#include <string>
#include <vector>

namespace narthex::app {

// Throws Failure, which names the file and what to do, never what it holds: when it can't be read,
// is no secret key, or can be read by others than its owner.
[[nodiscard]] std::vector<SecretKey> read_signing_keys(const std::vector<std::string>& files);

}  // namespace narthex::app
