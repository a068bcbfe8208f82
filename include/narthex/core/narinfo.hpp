// A narinfo: what a binary cache says about one store path. Two dialects are read: Nix's
// (NixOS/nix libstore/nar-info.cc) and Guix's (guix/narinfo.scm, scripts/publish.scm).
// A Narinfo exists only when its text is one that no client chokes on; the text itself is kept
// byte for byte, since Guix signs the bytes. Immutable; any thread.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/hash.hpp"
#include "narthex/core/signature.hpp"
#include "narthex/core/store_path.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace narthex {

inline constexpr std::size_t k_max_narinfo_bytes = 4 * 1024 * 1024;

// Where the text breaks a rule. `line` counts from 1 within the narinfo; 0 means the whole of it
// (a missing field, too large).
struct ParseError {
    std::size_t line;
    std::string reason;

    [[nodiscard]] std::string to_string() const;  // "line 3: reason", or "reason" for line 0
};

[[noreturn]] void throw_exception_from_error(
    const ParseError& error, const boost::source_location& where
);

// Guix: has a Signature line, or several URL lines, or a store directory that ends in /gnu/store.
// Such a text may carry Sig lines as well and then serves both kinds of client. Nix: all others.
enum class Dialect { nix, guix };

// One URL line with the lines that belong to it. Nix has one, Guix one per compression.
struct NarFile {
    std::string url;          // as written: relative without a leading slash, or http(s)://...
    std::string compression;  // "bzip2" where a Nix narinfo has none
    std::optional<Sha256> hash;
    std::optional<std::uint64_t> size;  // bytes of the compressed file

    bool operator==(const NarFile&) const = default;
};

class Narinfo {
  public:
    // Parses `text`, a whole narinfo of at most k_max_narinfo_bytes that ends in a newline.
    [[nodiscard]] static boost::system::result<Narinfo, ParseError> parse(std::string text);

    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] Dialect dialect() const { return dialect_; }
    [[nodiscard]] const StorePath& store_path() const { return store_path_; }
    [[nodiscard]] const Sha256& nar_hash() const { return nar_hash_; }
    [[nodiscard]] std::uint64_t nar_size() const { return nar_size_; }  // bytes, never 0
    // In the order of the text, a self reference included, duplicates removed.
    [[nodiscard]] const std::vector<BaseName>& references() const { return references_; }
    [[nodiscard]] const std::vector<NarFile>& files() const { return files_; }  // never empty
    [[nodiscard]] const std::optional<std::string>& deriver() const { return deriver_; }
    [[nodiscard]] const std::optional<std::string>& ca() const { return ca_; }
    [[nodiscard]] const std::optional<std::string>& system() const { return system_; }
    [[nodiscard]] const std::vector<Signature>& signatures() const { return signatures_; }

    // What a Nix signature is over (libstore/path-info.cc): 1;<path>;<nar hash>;<nar size>;<refs>.
    [[nodiscard]] std::string fingerprint() const;

    // Guix only: the bytes its signature is over, all before the first "Signature:"; they must
    // hold StorePath, NarHash and References. Absent for an unsigned narinfo and for Nix's.
    [[nodiscard]] std::optional<std::string_view> guix_signed_bytes() const;

    // Guix only: what follows "Signature: ", 1;HOST;BASE64. Absent as above.
    [[nodiscard]] const std::optional<std::string>& guix_signature() const {
        return guix_signature_;
    }

  private:
    friend class NarinfoParser;
    Narinfo(std::string text, StorePath store_path, Sha256 nar_hash);

    std::string text_;
    Dialect dialect_ = Dialect::nix;
    StorePath store_path_;
    Sha256 nar_hash_;
    std::uint64_t nar_size_ = 0;
    std::vector<BaseName> references_;
    std::vector<NarFile> files_;
    std::optional<std::string> deriver_;
    std::optional<std::string> ca_;
    std::optional<std::string> system_;
    std::vector<Signature> signatures_;
    std::optional<std::string> guix_signature_;
    std::size_t guix_signed_size_ = 0;  // bytes at the start of text_; used with guix_signature_
};

// True when one of `keys` signed the fingerprint of `narinfo`.
[[nodiscard]] bool is_signed_by(const Narinfo& narinfo, std::span<const PublicKey> keys);

// A Nix narinfo in the field order of Nix's own writer: for tests and for what narthex makes
// itself.
struct NarinfoFields {
    StorePath store_path;
    NarFile file;
    Sha256 nar_hash;
    std::uint64_t nar_size;
    std::vector<BaseName> references;
    std::optional<std::string> deriver;
    std::vector<Signature> signatures;
    std::optional<std::string> ca;
};
[[nodiscard]] std::string render_nix_narinfo(const NarinfoFields& fields);

// Bytes `store_path;...` of a narinfo that is not signed yet: the same as Narinfo::fingerprint.
[[nodiscard]] std::string fingerprint(
    const StorePath& store_path,
    const Sha256& nar_hash,
    std::uint64_t nar_size,
    std::vector<BaseName> references
);

}  // namespace narthex
