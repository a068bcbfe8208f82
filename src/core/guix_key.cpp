#include "narthex/core/guix_key.hpp"

#include "sexp.hpp"

#include "narthex/core/encoding.hpp"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <span>
#include <utility>

namespace narthex {

namespace {

constexpr std::size_t k_largest_file = 1024 * 1024;
constexpr std::size_t k_shown_digits = 16;

std::span<const unsigned char> bytes_of(const std::string& text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

// As libgcrypt writes it, so that a message's digits are found in a key's file.
std::string to_upper_hex(const std::string& bytes) {
    std::string hex = to_hex(bytes_of(bytes));
    for (char& c : hex) {
        if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    }
    return hex;
}

std::size_t bits_of(std::string_view number) {
    const auto first = std::ranges::find_if(number, [](char c) { return c != '\0'; });
    if (first == number.end()) return 0;
    const auto rest = static_cast<std::size_t>(number.end() - first);
    return rest * 8 -
           static_cast<std::size_t>(std::countl_zero(static_cast<unsigned char>(*first)));
}

bool is_odd(const std::string& number) {
    return (static_cast<unsigned char>(number.back()) & 1U) != 0;
}

// Of the group's large part: with a point of small order, anybody could sign.
bool is_good_point(const std::string& point) {
    return point.size() == crypto_core_ed25519_BYTES &&
           crypto_core_ed25519_is_valid_point(bytes_of(point).data()) == 1;
}

// libgcrypt divides by n: a zero would end the program.
bool is_good_rsa(const std::string& modulus, const std::string& exponent) {
    const auto bits = bits_of(modulus);
    if (bits < 1024 || bits > 16384 || !is_odd(modulus)) return false;
    return bits_of(exponent) >= 2 && bits_of(exponent) <= 64 && is_odd(exponent);
}

Result<GuixKey> not_a_key() {
    return Error{
        "is not a Guix key that narthex can verify with: that is (public-key (ecc (curve Ed25519) "
        "(q #...#))) or (public-key (rsa (n #...#) (e #...#)))"};
}

Result<GuixKey> key_of_entry(const Sexp& entry) {
    // (entry KEY (tag (guix import)))
    if (!entry.is("entry") || entry.list.size() != 3) {
        return Error{"is an access-control list with something else than entries of one key"};
    }
    const auto& tag = entry.list[2];
    const bool imports = tag.is("tag") && tag.list.size() == 2 && tag.list[1].is("guix") &&
                         tag.list[1].list.size() == 2 && tag.list[1].list[1].atom == "import";
    if (!imports) {
        return Error{"is an access-control list with an entry whose tag isn't (guix import)"};
    }
    return GuixKey::from_sexp(entry.list[1]);
}

Result<std::vector<GuixKey>> keys_of_acl(const Sexp& acl) {
    std::vector<GuixKey> keys;
    for (const auto& entry : std::span(acl.list).subspan(1)) {
        auto key = key_of_entry(entry);
        if (!key) return std::move(key).error();
        if (std::ranges::find(keys, *key) == keys.end()) keys.push_back(*std::move(key));
    }
    if (keys.empty()) return Error{"is an access-control list without a key"};
    return keys;
}

}  // namespace

GuixKey::GuixKey(Kind kind, std::string number, std::string exponent)
    : kind_(kind), number_(std::move(number)), exponent_(std::move(exponent)) {}

Result<GuixKey> GuixKey::from_sexp(const Sexp& sexp) {
    if (!sexp.is("public-key") || sexp.list.size() != 2) return not_a_key();
    const auto& parameters = sexp.list[1];
    // Exactly these: another flag or parameter would make it another key to libgcrypt.
    if (parameters.list.size() != 3) return not_a_key();
    if (parameters.is("ecc")) {
        const auto* curve = parameters.value("curve");
        const auto* point = parameters.value("q");
        const bool good = curve != nullptr && *curve == "Ed25519" && point != nullptr;
        if (!good || !is_good_point(*point)) return not_a_key();
        return GuixKey(Kind::ed25519, *point, {});
    }
    if (!parameters.is("rsa")) return not_a_key();
    const auto* modulus = parameters.value("n");
    const auto* exponent = parameters.value("e");
    if (modulus == nullptr || exponent == nullptr || !is_good_rsa(*modulus, *exponent)) {
        return not_a_key();
    }
    return GuixKey(Kind::rsa, *modulus, *exponent);
}

Result<GuixKey> GuixKey::parse(std::string_view text) {
    if (text.size() > k_largest_file) return not_a_key();
    const auto sexp = Sexp::parse(text);
    if (!sexp) return sexp.error();
    return from_sexp(*sexp);
}

std::string GuixKey::to_string() const {
    if (kind_ == Kind::ed25519) {
        return "(public-key (ecc (curve Ed25519) (q #" + to_upper_hex(number_) + "#)))";
    }
    return "(public-key (rsa (n #" + to_upper_hex(number_) + "#) (e #" + to_upper_hex(exponent_) +
           "#)))";
}

std::string GuixKey::short_form() const {
    const auto digits = to_upper_hex(number_).substr(0, k_shown_digits);
    return (kind_ == Kind::ed25519 ? "Ed25519 key #" : "RSA key #") + digits + "...";
}

Result<std::vector<GuixKey>> parse_guix_keys(std::string_view text) {
    if (text.size() > k_largest_file) return Error{"is larger than 1 MiB: no file of Guix keys"};
    const auto sexp = Sexp::parse(text);
    if (!sexp) return sexp.error();
    if (sexp->is("key-data")) {
        return Error{"holds a private key: give the file of the public one, signing-key.pub"};
    }
    if (sexp->is("acl")) return keys_of_acl(*sexp);
    auto key = GuixKey::from_sexp(*sexp);
    if (!key) return std::move(key).error();
    return std::vector<GuixKey>{*std::move(key)};
}

}  // namespace narthex
