#include "fuzz.hpp"

#include "narthex/core/http_target.hpp"

#include <string>

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const Target target = split_target(text);
    std::string joined(target.path);
    if (target.query) joined.append("?").append(*target.query);
    require(joined == text);
    const auto decoded = percent_decode(target.path);
    if (!decoded) return;
    require(decoded->size() <= target.path.size());
    if (!is_safe_relative_path(*decoded)) return;
    const std::string inside = "/" + *decoded + "/";
    for (const char* const bad : {"//", "/./", "/../", "\\", "\n"}) {
        require(inside.find(bad) == std::string::npos);
    }
    require(decoded->find('\0') == std::string::npos);
}

}  // namespace narthex::fuzz
