#include "fuzz.hpp"

#include "narthex/core/companion.hpp"
#include "narthex/core/http_target.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const auto found = parse_companion_path(text);
    if (!found) return;
    require(is_safe_relative_path(found->path));
    require(found->output.has_value() == (found->kind == CompanionKind::listing));
    // Nothing that is left to decode changes what it is.
    if (found->path.find('%') != std::string::npos) return;
    const auto again = parse_companion_path(found->path);
    require(again && again->kind == found->kind && again->path == found->path);
}

}  // namespace narthex::fuzz
