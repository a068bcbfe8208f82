// Steps of making files that survive a crash. Layer service's own; each throws std::system_error
// that names the file.
#pragma once

#include <string>

namespace narthex::service {

// Throws what errno says.
[[noreturn]] void fail_on(const std::string& file);

// 16 characters that no other file has.
[[nodiscard]] std::string random_name();

void sync_directory(const std::string& directory);

// Unless it is there.
void make_directory(const std::string& directory);

}  // namespace narthex::service
