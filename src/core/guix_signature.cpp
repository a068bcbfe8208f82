#include "narthex/core/guix_signature.hpp"

#include "sexp.hpp"

#include "narthex/core/encoding.hpp"

#include <gcrypt.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace narthex {

namespace {

// RSA of 16384 bits takes 13 KiB in hex.
constexpr std::size_t k_largest = 32 * 1024;
// r and s are below the order of the group, 253 bits; a zero may stand before.
constexpr std::size_t k_ecdsa_bytes = 33;

using GcrySexp = std::unique_ptr<gcry_sexp, decltype(&gcry_sexp_release)>;

// libgcrypt wants this before its first use. No secret of ours is in its hands: it needs no locked
// memory.
void ensure_gcrypt() {
    static const bool ready = [] {
        if (gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P) != 0) return true;
        if (gcry_check_version(GCRYPT_VERSION) == nullptr) return false;
        gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
        gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
        return true;
    }();
    if (!ready) throw std::runtime_error("libgcrypt is older than " GCRYPT_VERSION);
}

template <class... Args>
GcrySexp build(const char* format, Args... args) {
    gcry_sexp_t out = nullptr;
    if (gcry_sexp_build(&out, nullptr, format, args...) != 0) throw std::bad_alloc();
    return {out, gcry_sexp_release};
}

int size_of(const std::string& bytes) {
    return static_cast<int>(bytes.size());
}

GcrySexp sexp_of(const GuixKey& key) {
    if (key.kind() == GuixKey::Kind::ed25519) {
        return build(
            "(public-key (ecc (curve Ed25519) (q %b)))", size_of(key.point()), key.point().data()
        );
    }
    return build(
        "(public-key (rsa (n %b) (e %b)))",
        size_of(key.modulus()),
        key.modulus().data(),
        size_of(key.exponent()),
        key.exponent().data()
    );
}

// Made of the hash alone: the flags that a signature brings could ask for other rules.
GcrySexp sexp_of(const Sha256& hash, GuixKey::Kind kind) {
    const auto* format = kind == GuixKey::Kind::ed25519 ? "(data (flags rfc6979) (hash sha256 %b))"
                                                        : "(data (flags pkcs1) (hash sha256 %b))";
    const auto bytes = hash.bytes();
    return build(format, static_cast<int>(bytes.size()), bytes.data());
}

GcrySexp sexp_of(const GuixSignature& signature) {
    const auto& values = signature.values;
    if (signature.key.kind() == GuixKey::Kind::rsa) {
        return build("(sig-val (rsa (s %b)))", size_of(values[0]), values[0].data());
    }
    return build(
        "(sig-val (ecdsa (r %b) (s %b)))",
        size_of(values[0]),
        values[0].data(),
        size_of(values[1]),
        values[1].data()
    );
}

// (data (flags ...) (hash sha256 #...#))
std::optional<Sha256> hash_of(const Sexp& data) {
    const auto* hash = data.find("hash");
    if (hash == nullptr || hash->list.size() != 3 || hash->list[1].atom != "sha256") return {};
    const auto& bytes = hash->list[2].atom;
    std::array<unsigned char, Sha256::k_size> out;
    if (bytes.size() != out.size()) return {};
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return Sha256(out);
}

// Those of (sig-val (ecdsa (r R) (s S))) or (sig-val (rsa (s S))); absent when it is of another
// kind than the key or too long for it.
std::optional<std::vector<std::string>> values_of(const Sexp& sig_val, const GuixKey& key) {
    const bool rsa = key.kind() == GuixKey::Kind::rsa;
    const auto* numbers = sig_val.find(rsa ? "rsa" : "ecdsa");
    if (numbers == nullptr) return std::nullopt;
    const auto most = rsa ? key.modulus().size() + 1 : k_ecdsa_bytes;
    std::vector<std::string> out;
    for (const auto* name : {"r", "s"}) {
        if (rsa && *name == 'r') continue;
        const auto* value = numbers->value(name);
        if (value == nullptr || value->empty() || value->size() > most) return std::nullopt;
        out.push_back(*value);
    }
    return out;
}

// The expression in 1;HOST;BASE64; absent when it isn't that.
std::optional<Sexp> decode(std::string_view text) {
    const auto semicolon = text.find(';', 2);
    if (!text.starts_with("1;") || semicolon == text.npos || text.size() > k_largest) return {};
    const auto bytes = from_base64(text.substr(semicolon + 1));
    if (!bytes) return {};
    auto sexp = Sexp::parse({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    if (!sexp || !sexp->is("signature")) return {};
    return *std::move(sexp);
}

}  // namespace

Result<GuixSignature> GuixSignature::parse(std::string_view text) {
    const auto sexp = decode(text);
    if (!sexp) {
        return Error{"its Signature isn't 1;HOST;BASE64 of an s-expression (signature ...)"};
    }
    const auto* data = sexp->find("data");
    const auto* sig_val = sexp->find("sig-val");
    const auto* subject = sexp->find("public-key");
    if (data == nullptr || sig_val == nullptr || subject == nullptr) {
        return Error{"its Signature lacks data, sig-val or public-key"};
    }
    const auto hash = hash_of(*data);
    if (!hash) return Error{"its Signature isn't over a SHA-256"};
    auto key = GuixKey::from_sexp(*subject);
    if (!key) return Error{"the public-key of its Signature " + key.error().message};
    auto values = values_of(*sig_val, *key);
    if (!values) return Error{"its Signature's sig-val doesn't fit its public-key"};
    return GuixSignature{*hash, *std::move(key), *std::move(values)};
}

bool is_genuine(const GuixSignature& signature) {
    ensure_gcrypt();
    const auto key = sexp_of(signature.key);
    const auto data = sexp_of(signature.hash, signature.key.kind());
    const auto values = sexp_of(signature);
    return gcry_pk_verify(values.get(), data.get(), key.get()) == 0;
}

}  // namespace narthex
