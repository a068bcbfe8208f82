#include "fuzz.hpp"

#include "narthex/core/hash.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    const auto hash = Sha256::parse(text);
    if (hash) require(Sha256::parse(hash->to_nix()).value() == *hash);
    require(Sha256::parse(Sha256::of(text).to_nix()).value() == Sha256::of(text));
}

}  // namespace narthex::fuzz
