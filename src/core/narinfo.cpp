#include "narthex/core/narinfo.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace narthex {

namespace {

// Nix sorts by the text, whose first character holds the last byte's highest bits.
bool precedes_as_text(const BaseName& a, const BaseName& b) {
    const auto x = a.hash.bytes();
    const auto y = b.hash.bytes();
    const auto order = std::lexicographical_compare_three_way(
        std::make_reverse_iterator(x.end()),
        std::make_reverse_iterator(x.begin()),
        std::make_reverse_iterator(y.end()),
        std::make_reverse_iterator(y.begin())
    );
    return order != 0 ? order < 0 : a.name < b.name;
}

void append_field(std::string& text, std::string_view key, std::string_view value) {
    text.append(key).append(": ").append(value) += '\n';
}

std::string join(const std::vector<BaseName>& names) {
    std::string text;
    for (const BaseName& name : names) {
        if (!text.empty()) text += ' ';
        text += name.to_string();
    }
    return text;
}

}  // namespace

std::string ParseError::to_string() const {
    return line == 0 ? reason : "line " + std::to_string(line) + ": " + reason;
}

void throw_exception_from_error(
    const ParseError& error, const boost::source_location& /*where*/
) {
    throw std::logic_error("unchecked error: " + error.to_string());
}

Narinfo::Narinfo(std::string text, StorePath store_path, Sha256 nar_hash)
    : text_(std::move(text)), store_path_(std::move(store_path)), nar_hash_(nar_hash) {}

std::string fingerprint(
    const StorePath& store_path,
    const Sha256& nar_hash,
    std::uint64_t nar_size,
    std::vector<BaseName> references
) {
    std::sort(references.begin(), references.end(), precedes_as_text);
    references.erase(std::unique(references.begin(), references.end()), references.end());
    std::string text = "1;" + store_path.to_string() + ';' + nar_hash.to_nix() + ';' +
                       std::to_string(nar_size) + ';';
    for (std::size_t i = 0; i < references.size(); ++i) {
        if (i > 0) text += ',';
        text.append(store_path.store_dir).append("/").append(references[i].to_string());
    }
    return text;
}

std::string Narinfo::fingerprint() const {
    return narthex::fingerprint(store_path_, nar_hash_, nar_size_, references_);
}

std::optional<std::string_view> Narinfo::guix_signed_bytes() const {
    if (!guix_signature_) return std::nullopt;
    return std::string_view(text_).substr(0, guix_signed_size_);
}

bool is_signed_by(const Narinfo& narinfo, std::span<const PublicKey> keys) {
    if (keys.empty() || narinfo.signatures().empty()) return false;
    return verify_any(keys, narinfo.signatures(), narinfo.fingerprint());
}

std::string render_nix_narinfo(const NarinfoFields& fields) {
    std::string text;
    append_field(text, "StorePath", fields.store_path.to_string());
    append_field(text, "URL", fields.file.url);
    append_field(text, "Compression", fields.file.compression);
    if (fields.file.hash) append_field(text, "FileHash", fields.file.hash->to_nix());
    if (fields.file.size) append_field(text, "FileSize", std::to_string(*fields.file.size));
    append_field(text, "NarHash", fields.nar_hash.to_nix());
    append_field(text, "NarSize", std::to_string(fields.nar_size));
    append_field(text, "References", join(fields.references));
    if (fields.deriver) append_field(text, "Deriver", *fields.deriver);
    for (const Signature& signature : fields.signatures) {
        append_field(text, "Sig", signature.to_string());
    }
    if (fields.ca) append_field(text, "CA", *fields.ca);
    return text;
}

}  // namespace narthex
