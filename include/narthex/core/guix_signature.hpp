// Guix's signatures: the value of a narinfo's Signature line, 1;HOST;BASE64 of
//   (signature (data (flags rfc6979) (hash sha256 #...#))
//              (sig-val (ecdsa (r #...#) (s #...#))) (public-key ...))
// over the SHA-256 of the bytes before that line; (flags pkcs1) and (rsa (s #...#)) for RSA
// (guix/narinfo.scm, guix/pki.scm). ECDSA over the curve Ed25519, by libgcrypt: not Nix's Ed25519.
// Pure functions, any thread: libgcrypt is initialised by the first use, and each call has values
// of its own.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/guix_key.hpp"
#include "narthex/core/hash.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex {

struct GuixSignature {
    Sha256 hash;                      // of what was signed, as the signature says
    GuixKey key;                      // whose it is, as the signature says
    std::vector<std::string> values;  // r and s, or RSA's s; big-endian

    // `text` is what follows "Signature: ". An error for what no key of ours can have made.
    [[nodiscard]] static Result<GuixSignature> parse(std::string_view text);
};

// True when `signature.key` signed `signature.hash`. Whether that key is to be trusted, and the
// hash that of the text, is for the caller.
[[nodiscard]] bool is_genuine(const GuixSignature& signature);

}  // namespace narthex
