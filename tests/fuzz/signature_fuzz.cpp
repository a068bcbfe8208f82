#include "fuzz.hpp"

#include "narthex/core/signature.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    if (const auto signature = Signature::parse(text)) {
        require(signature->to_string() == text);
        require(is_key_name(signature->key_name));
    }
    if (const auto key = PublicKey::parse(text)) {
        require(key->to_string() == text);
        (void)verify(*key, Signature{key->name, {}}, text);
    }
    if (const auto secret = SecretKey::parse(text)) {
        require(secret->write_secret_key() == text);
        require(verify(secret->public_key(), secret->sign(text), text));
    }
}

}  // namespace narthex::fuzz
