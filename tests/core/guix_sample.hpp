// Keys and narinfos that Guix's own way made (guix/sign.scm), and signatures made up on the spot.
#pragma once

#include "narthex/core/encoding.hpp"
#include "narthex/core/guix_signature.hpp"
#include "narthex/core/hash.hpp"

#include <gcrypt.h>

#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

namespace narthex::test {

inline std::string guix_file(const std::string& name) {
    std::ifstream file(NARTHEX_SOURCE_DIR "/tests/core/guix/" + name, std::ios::binary);
    if (!file) throw std::runtime_error("no sample " + name);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline GuixKey guix_key(const std::string& name) {
    return GuixKey::parse(guix_file(name + ".pub")).value();
}

inline std::string as_signature_line(const std::string& sexp) {
    return "1;guix.example.org;" +
           to_base64({reinterpret_cast<const unsigned char*>(sexp.data()), sexp.size()});
}

// A key pair of libgcrypt's own making.
class GuixSigner {
  public:
    // `parameters` as in (genkey ...); `flags` those of the data that is signed. Transient keys are
    // made without libgcrypt's jitter collector, which is never freed.
    explicit GuixSigner(
        const std::string& parameters = "(ecdsa (curve Ed25519) (flags rfc6979 transient-key))",
        std::string flags = "rfc6979"
    )
        : flags_(std::move(flags)) {
        gcry_check_version(nullptr);
        auto* wanted = sexp_of("(genkey " + parameters + ")");
        check(gcry_pk_genkey(&pair_, wanted));
        gcry_sexp_release(wanted);
    }
    GuixSigner(const GuixSigner&) = delete;
    GuixSigner& operator=(const GuixSigner&) = delete;
    ~GuixSigner() { gcry_sexp_release(pair_); }

    [[nodiscard]] std::string public_key() const { return part("public-key"); }
    [[nodiscard]] std::string key_pair() const { return text_of(pair_); }

    // The expression that signs `message`.
    [[nodiscard]] std::string sign(std::string_view message) const {
        const auto data = "(data (flags " + flags_ + ") (hash sha256 #" +
                          to_hex(Sha256::of(message).bytes()) + "#))";
        auto* what = sexp_of(data);
        auto* secret = gcry_sexp_find_token(pair_, "private-key", 0);
        gcry_sexp_t out = nullptr;
        check(gcry_pk_sign(&out, what, secret));
        const auto value = text_of(out);
        for (auto* each : {what, secret, out}) gcry_sexp_release(each);
        return "(signature " + data + value + public_key() + ")";
    }

    [[nodiscard]] std::string sign_line(std::string_view message) const {
        return as_signature_line(sign(message));
    }

  private:
    static void check(gcry_error_t error) {
        if (error != 0) throw std::runtime_error(gcry_strerror(error));
    }

    static gcry_sexp_t sexp_of(const std::string& text) {
        gcry_sexp_t out = nullptr;
        check(gcry_sexp_sscan(&out, nullptr, text.data(), text.size()));
        return out;
    }

    static std::string text_of(gcry_sexp_t sexp) {
        std::string out(gcry_sexp_sprint(sexp, GCRYSEXP_FMT_ADVANCED, nullptr, 0), '\0');
        out.resize(gcry_sexp_sprint(sexp, GCRYSEXP_FMT_ADVANCED, out.data(), out.size()));
        return out;
    }

    [[nodiscard]] std::string part(const char* name) const {
        auto* found = gcry_sexp_find_token(pair_, name, 0);
        const auto text = text_of(found);
        gcry_sexp_release(found);
        return text;
    }

    gcry_sexp_t pair_ = nullptr;
    std::string flags_;
};

// A sample with one thing changed, which must be there.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    if (at == std::string::npos) throw std::logic_error("no " + from);
    return text.replace(at, from.size(), to);
}

}  // namespace narthex::test
