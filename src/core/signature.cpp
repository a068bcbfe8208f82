#include "narthex/core/signature.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/quote.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

namespace narthex {

namespace {

// libsodium wants this before its first use; later calls are one load.
void ensure_sodium() {
    static const int status = sodium_init();
    if (status < 0) throw std::runtime_error("libsodium can't be initialised");
}

struct NamedText {
    std::string_view name;
    std::string_view base64;
};

// Absent without a colon or without a proper name.
std::optional<NamedText> split_name(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == text.npos || !is_key_name(text.substr(0, colon))) return std::nullopt;
    return NamedText{text.substr(0, colon), text.substr(colon + 1)};
}

const unsigned char* data_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

template <std::size_t N>
std::string render(const std::string& name, const std::array<unsigned char, N>& bytes) {
    return name + ':' + to_base64(bytes);
}

using SecretBytes = std::array<unsigned char, crypto_sign_SECRETKEYBYTES>;

// Ed25519 signs with the public half as given, and a wrong one gives the secret half away.
bool halves_agree(const SecretBytes& bytes) {
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> derived;
    SecretBytes secret;
    crypto_sign_seed_keypair(derived.data(), secret.data(), bytes.data());
    const bool agree = sodium_memcmp(secret.data(), bytes.data(), bytes.size()) == 0;
    sodium_memzero(secret.data(), secret.size());
    return agree;
}

}  // namespace

bool is_key_name(std::string_view text) {
    return !text.empty() && std::none_of(text.begin(), text.end(), [](char c) {
        return c == ':' || static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    });
}

Result<Signature> Signature::parse(std::string_view text) {
    const std::optional<NamedText> parts = split_name(text);
    Signature signature{};
    if (!parts || !decode_base64(parts->base64, signature.bytes)) {
        return Error{
            quote(text) +
            " is not a signature: it is written NAME:BASE64, the base64 being of "
            "64 bytes and the name free of ':' and white space"};
    }
    signature.key_name = parts->name;
    return signature;
}

std::string Signature::to_string() const {
    return render(key_name, bytes);
}

Result<PublicKey> PublicKey::parse(std::string_view text) {
    const std::optional<NamedText> parts = split_name(text);
    PublicKey key{};
    if (parts && decode_base64(parts->base64, key.bytes)) {
        key.name = parts->name;
        return key;
    }
    // A secret key pasted in the wrong place must not reach a log: only a valid name is shown.
    const std::string shown = parts ? quote(parts->name) + ": this" : "this";
    return Error{
        shown +
        " is not a public key: it is written NAME:BASE64, the base64 being of 32 bytes "
        "and the name free of ':' and white space"};
}

std::string PublicKey::to_string() const {
    return render(name, bytes);
}

SecretKey::SecretKey(std::string name, std::array<unsigned char, 64> bytes)
    : name_(std::move(name)), bytes_(bytes) {
    sodium_memzero(bytes.data(), bytes.size());
}

SecretKey::~SecretKey() {
    sodium_memzero(bytes_.data(), bytes_.size());
}

Result<SecretKey> SecretKey::parse(std::string_view text) {
    ensure_sodium();
    const std::optional<NamedText> parts = split_name(text);
    SecretBytes bytes{};
    const bool decoded = parts && decode_base64(parts->base64, bytes);
    if (decoded && halves_agree(bytes)) {
        SecretKey key(std::string(parts->name), bytes);
        sodium_memzero(bytes.data(), bytes.size());
        return key;
    }
    sodium_memzero(bytes.data(), bytes.size());
    if (decoded) {
        return Error{"the two halves of the secret key don't belong together; make a new key"};
    }
    return Error{
        "not a secret key: it is written NAME:BASE64, the base64 being of 64 bytes and the name "
        "free of ':' and white space"};
}

SecretKey SecretKey::generate(std::string name) {
    ensure_sodium();
    if (!is_key_name(name)) throw std::invalid_argument("not a key name: " + quote(name));
    std::array<unsigned char, crypto_sign_PUBLICKEYBYTES> public_bytes;
    SecretBytes secret_bytes;
    crypto_sign_keypair(public_bytes.data(), secret_bytes.data());
    SecretKey key(std::move(name), secret_bytes);
    sodium_memzero(secret_bytes.data(), secret_bytes.size());
    return key;
}

PublicKey SecretKey::public_key() const {
    PublicKey key{name_, {}};
    std::copy(bytes_.begin() + crypto_sign_SEEDBYTES, bytes_.end(), key.bytes.begin());
    return key;
}

Signature SecretKey::sign(std::string_view message) const {
    ensure_sodium();
    Signature signature{name_, {}};
    crypto_sign_detached(
        signature.bytes.data(), nullptr, data_of(message), message.size(), bytes_.data()
    );
    return signature;
}

std::string SecretKey::write_secret_key() const {
    return render(name_, bytes_);
}

bool verify(const PublicKey& key, const Signature& signature, std::string_view message) {
    if (key.name != signature.key_name) return false;
    ensure_sodium();
    return crypto_sign_verify_detached(
               signature.bytes.data(), data_of(message), message.size(), key.bytes.data()
           ) == 0;
}

bool verify_any(
    std::span<const PublicKey> keys, std::span<const Signature> signatures, std::string_view message
) {
    return std::any_of(signatures.begin(), signatures.end(), [&](const Signature& signature) {
        return std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
            return verify(key, signature, message);
        });
    });
}

}  // namespace narthex
