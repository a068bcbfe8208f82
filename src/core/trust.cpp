#include "narthex/core/trust.hpp"

#include "narthex/core/guix_signature.hpp"

#include <algorithm>

namespace narthex {

namespace {

template <class Key>
void add_missing(std::vector<Key>& keys, const std::vector<Key>& others) {
    for (const auto& key : others) {
        if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
}

Result<void> check_guix(const Narinfo& narinfo, const std::vector<GuixKey>& keys) {
    const auto signature = GuixSignature::parse(*narinfo.guix_signature());
    if (!signature) return signature.error();
    const auto signer = signature->key.short_form();
    if (std::ranges::find(keys, signature->key) == keys.end()) {
        return Error{
            "is signed by the " + signer +
            ", which isn't authorised: give its file with --authorized-key if you trust it"};
    }
    if (Sha256::of(*narinfo.guix_signed_bytes()) != signature->hash) {
        return Error{
            "was changed after the " + signer +
            " signed it: take the lines down to its Signature from the publisher, byte for byte"};
    }
    if (is_genuine(*signature)) return {};
    return Error{
        "has a Signature that the " + signer +
        " didn't make: take the narinfo from its publisher again"};
}

Error nothing_by_a_known_key(const Narinfo& narinfo) {
    if (narinfo.signatures().empty()) {
        return {
            narinfo.dialect() == Dialect::guix
                ? "has no signature: a Signature line of Guix's below StorePath, NarHash and "
                  "References, or a Sig line of Nix's, and trusted keys are required"
                : "has no Sig line, and trusted keys are required"};
    }
    return {
        "has no valid signature by a trusted key (signed by " +
        narinfo.signatures().front().key_name + ")"};
}

}  // namespace

void TrustedKeys::add(const TrustedKeys& others) {
    add_missing(nix, others.nix);
    add_missing(guix, others.guix);
}

Result<void> check_trust(const Narinfo& narinfo, const TrustedKeys& keys) {
    if (keys.empty() || is_signed_by(narinfo, keys.nix)) return {};
    if (narinfo.guix_signature()) return check_guix(narinfo, keys.guix);
    return nothing_by_a_known_key(narinfo);
}

}  // namespace narthex
