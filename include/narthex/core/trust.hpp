// Whose signatures make a narinfo welcome: Nix's keys, Guix's keys, or both. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/guix_key.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/core/signature.hpp"

#include <vector>

namespace narthex {

struct TrustedKeys {
    std::vector<PublicKey> nix;
    std::vector<GuixKey> guix;

    [[nodiscard]] bool empty() const { return nix.empty() && guix.empty(); }
    // Takes over those of `others` that it doesn't have.
    void add(const TrustedKeys& others);

    bool operator==(const TrustedKeys&) const = default;
};

// Fine when there are no keys at all, or one of them signed `narinfo`: a Nix key in a Sig line, or
// a Guix key in the Signature line, as Guix itself checks it (guix/pki.scm: the key is authorised,
// the hash that of the bytes before the line, the signature genuine). Else why not, as the end of a
// sentence about the narinfo, with the way out.
[[nodiscard]] Result<void> check_trust(const Narinfo& narinfo, const TrustedKeys& keys);

}  // namespace narthex
