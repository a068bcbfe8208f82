// Guix's public keys: s-expressions of libgcrypt's, as `guix archive --generate-key` writes them to
// /etc/guix/signing-key.pub and `guix archive --authorize` reads them (guix/pki.scm):
//   (public-key (ecc (curve Ed25519) (q #32 bytes#)))
//   (public-key (rsa (n #...#) (e #...#)))
// A GuixKey is one that libgcrypt can verify with: a point of Ed25519's large group, or RSA from
// 1024 to 16384 bits. Pure functions, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace narthex {

struct Sexp;

class GuixKey {
  public:
    enum class Kind { ed25519, rsa };

    // The error never holds `text`, which might be a private key.
    [[nodiscard]] static Result<GuixKey> parse(std::string_view text);
    // Of a part of a larger expression, a signature or an acl.
    [[nodiscard]] static Result<GuixKey> from_sexp(const Sexp& sexp);

    // On one line, as above: what --authorize takes.
    [[nodiscard]] std::string to_string() const;
    // For messages: the kind, and how q or n begins in the key's file.
    [[nodiscard]] std::string short_form() const;

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const std::string& point() const { return number_; }    // q; of Ed25519
    [[nodiscard]] const std::string& modulus() const { return number_; }  // n, big-endian; of RSA
    [[nodiscard]] const std::string& exponent() const { return exponent_; }

    auto operator<=>(const GuixKey&) const = default;

  private:
    GuixKey(Kind kind, std::string number, std::string exponent);

    Kind kind_;
    std::string number_;
    std::string exponent_;
};

// The keys of a file: one key, or an access-control list as /etc/guix/acl has it,
// (acl (entry KEY (tag (guix import))) ...). At least one, in the file's order, each once.
[[nodiscard]] Result<std::vector<GuixKey>> parse_guix_keys(std::string_view text);

}  // namespace narthex
