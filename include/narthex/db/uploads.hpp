// What clients upload by HTTP, as the database has it: NARs that no narinfo names yet, what a new
// narinfo is checked against, companions. Functions take a transaction and never commit.
#pragma once

#include "narthex/core/companion.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// Until the end of the transaction nobody collects or sweeps what it is about to name.
void share_publishing(Tx& tx);

struct UploadedNar {
    int cache;
    std::string url;  // as in nar_path
    Sha256 hash;      // of the file
    std::uint64_t size;
    int site;          // where it lies
    std::string path;  // below the site's base; never used before
};

enum class NarFate {
    added,
    present,   // the cache has it somewhere: the new file isn't wanted
    conflict,  // the cache knows other bytes, or bytes of an unknown hash, by that URL
};

// Shares publishing first.
[[nodiscard]] NarFate store_nar(Tx& tx, const UploadedNar& nar);

// Whether a committed transaction has stored that file. Only of uploads that aren't swept yet.
[[nodiscard]] bool is_upload_known(Tx& tx, int site, const std::string& path);

struct StoredNar {
    std::optional<Sha256> hash;  // absent: never said
    std::optional<std::uint64_t> size;
};
// Of NARs whose bytes are somewhere, one for each URL; absent for others.
[[nodiscard]] std::vector<std::optional<StoredNar>> find_uploaded_nars(
    Tx& tx, int cache, std::span<const std::string> urls
);

struct NarinfoInPlace {
    std::string text;  // as it is served, with the lines added later
    bool hidden;
};
[[nodiscard]] std::optional<NarinfoInPlace> find_stored_narinfo(Tx& tx, const PathKey& key);

// Without a newline. Nothing happens where the narinfo has it as an added line.
void add_narinfo_line(Tx& tx, const PathKey& key, const std::string& line);

struct Companion {
    CompanionKind kind;
    std::string path;
    std::optional<HashPart> output;
    std::string content;
};
enum class CompanionFate { added, replaced, conflict };  // conflict: it belongs to another output
[[nodiscard]] CompanionFate store_companion(Tx& tx, int cache, const Companion& companion);

// --- the sweep ---

[[nodiscard]] bool has_old_uploads(Tx& tx, int site, std::chrono::seconds age);

struct Swept {
    std::size_t looked_at;
    std::size_t condemned;
};
// Takes NARs that are older than `age` and that no narinfo names out of the cache, and condemns
// their files; at most `most`. Waits until nobody publishes.
[[nodiscard]] Swept sweep_uploads(Tx& tx, int site, std::chrono::seconds age, int most);

// Files of a site to be removed, at most `most`.
[[nodiscard]] std::vector<std::string> list_condemned_nars(Tx& tx, int site, int most);
void forget_condemned_nar(Tx& tx, int site, const std::string& path);

}  // namespace narthex::db
