#include "narthex/app/caller.hpp"

#include "narthex/app/commands.hpp"
#include "narthex/core/plain_text.hpp"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace narthex::app {

namespace {

constexpr std::size_t k_longest_name = 256;

}  // namespace

std::string caller_name() {
    if (const char* given = std::getenv("NARTHEX_WHO"); given != nullptr && *given != '\0') {
        std::string name(given);
        if (name.size() <= k_longest_name && is_plain_text(name)) return name;
        throw UsageError("NARTHEX_WHO: at most 256 bytes of text in one line are wanted");
    }
    // Who has logged in, whoever they have become since.
    std::array<char, k_longest_name> login{};
    if (::getlogin_r(login.data(), login.size()) == 0) return login.data();
    const auto* user = ::getpwuid(::getuid());
    return user != nullptr ? user->pw_name : std::to_string(::getuid());
}

std::int64_t current_time() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

}  // namespace narthex::app
