#include "narthex/core/store_path.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/quote.hpp"

#include <algorithm>
#include <utility>

namespace narthex {

namespace {

constexpr std::size_t k_max_name = 211;

constexpr std::array<bool, 256> k_name_characters = [] {
    std::array<bool, 256> allowed{};
    for (const char c : std::string_view("0123456789abcdefghijklmnopqrstuvwxyz"
                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ+-._?=")) {
        allowed[static_cast<unsigned char>(c)] = true;
    }
    return allowed;
}();

// Nix refuses these since 2.20: with a dash behind them they could be taken for path components.
bool is_dots(std::string_view name) {
    const std::string_view first = name.substr(0, name.find('-'));
    return first == "." || first == "..";
}

// What is wrong with `name`; empty when nothing is.
std::string_view name_fault(std::string_view name) {
    if (name.empty()) return "its name is empty";
    if (name.size() > k_max_name) return "its name is longer than 211 characters";
    if (is_dots(name)) return "its name is or begins with '.' or '..' before a dash";
    const bool allowed = std::all_of(name.begin(), name.end(), [](char c) {
        return k_name_characters[static_cast<unsigned char>(c)];
    });
    return allowed ? "" : "its name has a character outside [0-9a-zA-Z+-._?=]";
}

Error base_name_error(std::string_view text, std::string_view fault) {
    return Error{quote(text) + " is not a store path base name (HASH-NAME): " + std::string(fault)};
}

bool is_store_dir_component(std::string_view part) {
    return !part.empty() && part != "." && part != "..";
}

}  // namespace

Result<HashPart> HashPart::parse(std::string_view text) {
    std::array<unsigned char, k_size> bytes{};
    if (!decode_nix_base32(text, bytes)) {
        return Error{quote(text) + " is not a hash part: it has 32 characters of Nix base32"};
    }
    return HashPart(bytes);
}

std::string HashPart::to_string() const {
    return to_nix_base32(bytes_);
}

Result<BaseName> BaseName::parse(std::string_view text) {
    if (text.find('/') != text.npos) {
        return base_name_error(text, "it has a '/'; leave out the store directory");
    }
    if (text.size() <= HashPart::k_text_size || text[HashPart::k_text_size] != '-') {
        return base_name_error(text, "32 characters and a '-' must come before the name");
    }
    std::array<unsigned char, HashPart::k_size> hash{};
    if (!decode_nix_base32(text.substr(0, HashPart::k_text_size), hash)) {
        return base_name_error(text, "its first 32 characters are not Nix base32");
    }
    const std::string_view name = text.substr(HashPart::k_text_size + 1);
    if (const std::string_view fault = name_fault(name); !fault.empty()) {
        return base_name_error(text, fault);
    }
    return BaseName{HashPart(hash), std::string(name)};
}

std::string BaseName::to_string() const {
    return hash.to_string() + '-' + name;
}

Result<StorePath> StorePath::parse(std::string_view text) {
    const std::size_t slash = text.rfind('/');
    if (slash == text.npos || !is_store_dir(text.substr(0, slash))) {
        return Error{
            quote(text) +
            " is not a store path: it needs an absolute store directory, such as "
            "/nix/store, before its last '/'"};
    }
    Result<BaseName> base = BaseName::parse(text.substr(slash + 1));
    if (!base) return std::move(base).error();
    return StorePath{std::string(text.substr(0, slash)), *std::move(base)};
}

std::string StorePath::to_string() const {
    return store_dir + '/' + base.to_string();
}

bool is_store_dir(std::string_view text) {
    if (!text.starts_with('/')) return false;
    if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; })) {
        return false;
    }
    for (std::size_t start = 1; start <= text.size();) {
        const std::size_t end = std::min(text.find('/', start), text.size());
        if (!is_store_dir_component(text.substr(start, end - start))) return false;
        start = end + 1;
    }
    return true;
}

}  // namespace narthex
