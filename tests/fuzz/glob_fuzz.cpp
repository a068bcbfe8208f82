#include "fuzz.hpp"

#include "narthex/core/glob.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const auto regex = glob_regex(text);
    if (!regex) return require(!regex.error().message.empty());
    require(regex->starts_with('^') && regex->ends_with('$'));
    // At most an escape a character, and what anchors it.
    require(regex->size() <= 2 * text.size() + 2);
}

}  // namespace narthex::fuzz
