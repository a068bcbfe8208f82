#include "fuzz.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/guix_key.hpp"
#include "narthex/core/guix_signature.hpp"

namespace narthex::fuzz {

// The input as a file of keys, as the value of a Signature line, and as the expression in one.
void test_one(std::string_view text) {
    if (const auto keys = parse_guix_keys(text)) {
        for (const auto& key : *keys) require(GuixKey::parse(key.to_string()).value() == key);
    }
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    const auto wrapped = "1;host;" + to_base64({bytes, text.size()});
    for (const auto line : {text, std::string_view(wrapped)}) {
        if (const auto signature = GuixSignature::parse(line)) (void)is_genuine(*signature);
    }
}

}  // namespace narthex::fuzz
