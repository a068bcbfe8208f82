#include "fuzz.hpp"

#include "narthex/core/token.hpp"

#include <string>

namespace narthex::fuzz {

void test_one(std::string_view value) {
    // A field of either scheme, or what follows "Bearer ".
    static_cast<void>(token_of_authorization(value));
    const auto hash = hash_token(value);
    require(
        token_of_authorization("Bearer " + std::string(value)) == hash || value.starts_with(' ')
    );
    static_cast<void>(is_token_name(value));
    const auto scope = parse_scope(value);
    if (scope) require(to_string(*scope) == value);
}

}  // namespace narthex::fuzz
