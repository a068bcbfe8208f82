#include "narthex/core/hash.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/quote.hpp"

#include <sodium.h>

#include <algorithm>
#include <optional>

namespace narthex {

namespace {

constexpr std::string_view k_prefix = "sha256:";
constexpr std::string_view k_sri_prefix = "sha256-";

using Digest = std::array<unsigned char, Sha256::k_size>;

constexpr std::size_t k_nix_base32_size = 52;
constexpr std::size_t k_hex_size = 64;
constexpr std::size_t k_base64_size = 44;

bool decode_hex(std::string_view text, Digest& out) {
    const std::optional<Bytes> bytes = from_hex(text);
    if (!bytes || bytes->size() != out.size()) return false;
    std::copy(bytes->begin(), bytes->end(), out.begin());
    return true;
}

// The length alone tells the spelling.
bool decode_prefixed(std::string_view text, Digest& out) {
    switch (text.size()) {
        case k_nix_base32_size:
            return decode_nix_base32(text, out);
        case k_hex_size:
            return decode_hex(text, out);
        case k_base64_size:
            return decode_base64(text, out);
        default:
            return false;
    }
}

}  // namespace

Sha256 Sha256::of(std::string_view data) {
    Digest digest;
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    crypto_hash_sha256(digest.data(), bytes, data.size());
    return Sha256(digest);
}

Result<Sha256> Sha256::parse(std::string_view text) {
    Digest digest{};
    if (text.starts_with(k_prefix)) {
        if (decode_prefixed(text.substr(k_prefix.size()), digest)) return Sha256(digest);
        return Error{
            quote(text) +
            " is not a sha256: after 'sha256:' come 52 characters of Nix base32, "
            "64 of base16 or 44 of base64"};
    }
    if (text.starts_with(k_sri_prefix)) {
        if (decode_base64(text.substr(k_sri_prefix.size()), digest)) return Sha256(digest);
        return Error{
            quote(text) + " is not a sha256: after 'sha256-' come 44 characters of base64"};
    }
    return Error{quote(text) + " is not a sha256: it must begin with 'sha256:' or 'sha256-'"};
}

std::string Sha256::to_nix() const {
    return std::string(k_prefix) + to_nix_base32(bytes_);
}

std::string Sha256::to_sri() const {
    return std::string(k_sri_prefix) + to_base64(bytes_);
}

struct Sha256Stream::State {
    crypto_hash_sha256_state sodium;
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
    crypto_hash_sha256_init(&state_->sodium);
}

Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::update(std::string_view data) {
    crypto_hash_sha256_update(
        &state_->sodium, reinterpret_cast<const unsigned char*>(data.data()), data.size()
    );
}

Sha256 Sha256Stream::finish() {
    Digest digest{};
    crypto_hash_sha256_final(&state_->sodium, digest.data());
    return Sha256(digest);
}

}  // namespace narthex
