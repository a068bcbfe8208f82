// Nix's signatures: Ed25519 (libsodium, detached) over a fingerprint, written NAME:BASE64.
// Public keys are NAME:base64(32 bytes), secret keys NAME:base64(64 bytes) whose last 32 bytes are
// the public key (NixOS/nix libutil/signature/local-keys.cc). Names have no ':' and no white space,
// since Nix's disk cache joins signatures with spaces. Pure functions, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <compare>
#include <span>
#include <string>
#include <string_view>

namespace narthex {

// Fine as the NAME of a key: not empty, no ':', no white space, no control character.
[[nodiscard]] bool is_key_name(std::string_view text);

struct Signature {
    std::string key_name;
    std::array<unsigned char, 64> bytes;

    [[nodiscard]] static Result<Signature> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const Signature&) const = default;
};

struct PublicKey {
    std::string name;
    std::array<unsigned char, 32> bytes;

    [[nodiscard]] static Result<PublicKey> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;

    auto operator<=>(const PublicKey&) const = default;
};

// Wiped when it goes. Never printed: there is no to_string; write_secret_key says so by its name.
class SecretKey {
  public:
    // The error never holds `text`.
    [[nodiscard]] static Result<SecretKey> parse(std::string_view text);
    // `name` must satisfy is_key_name (std::invalid_argument otherwise).
    [[nodiscard]] static SecretKey generate(std::string name);

    SecretKey(const SecretKey&) = default;
    SecretKey(SecretKey&&) noexcept = default;
    SecretKey& operator=(const SecretKey&) = default;
    SecretKey& operator=(SecretKey&&) noexcept = default;
    ~SecretKey();

    [[nodiscard]] PublicKey public_key() const;
    [[nodiscard]] Signature sign(std::string_view message) const;
    // NAME:BASE64, for a file that only its owner reads.
    [[nodiscard]] std::string write_secret_key() const;

  private:
    SecretKey(std::string name, std::array<unsigned char, 64> bytes);

    std::string name_;
    std::array<unsigned char, 64> bytes_;
};

// True when `signature` was made by `key` (same name, valid bytes) over `message`.
[[nodiscard]] bool verify(
    const PublicKey& key, const Signature& signature, std::string_view message
);

// True when any of `keys` made any of `signatures` over `message`.
[[nodiscard]] bool verify_any(
    std::span<const PublicKey> keys, std::span<const Signature> signatures, std::string_view message
);

}  // namespace narthex
