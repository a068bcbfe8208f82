#include "fuzz.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/core/nar_url.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const auto path = nar_path(text);
    if (!path) return;
    require(path->starts_with("nar/") && is_safe_relative_path(*path));
    for (const char c : *path) require(static_cast<unsigned char>(c) < 0x80);
}

}  // namespace narthex::fuzz
