#include "fuzz.hpp"

#include "narthex/core/user_agent.hpp"

#include <string>

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const auto version = nix_version(text);
    if (!version) return;
    const std::string again =
        "Nix/" + std::to_string(version->major) + "." + std::to_string(version->minor);
    require(nix_version(again) == version);
}

}  // namespace narthex::fuzz
