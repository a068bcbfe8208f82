// The connection that narinfos are served from: a few statements, prepared once, each a round trip
// of its own in binary, without a transaction around it. One thread at a time, but for interrupt().
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/core/path_key.hpp"
#include "narthex/db/connection.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace narthex::db {

// A NAR of a cache, by its URL as in nar_path.
struct NarKey {
    int cache;
    std::string url;

    auto operator<=>(const NarKey&) const = default;
};

struct FoundNarinfo {
    std::size_t asked;  // which of the keys
    std::string text;
    std::chrono::system_clock::time_point first_seen;
    // The hide batches it is in, active ones or not: the bit of each, which is its id modulo 64.
    std::uint64_t batches = 0;
};

struct HiddenNarinfo {
    std::size_t asked;
    std::uint64_t batches;
};

struct FoundNarinfos {
    std::vector<FoundNarinfo> served;  // in any order
    std::vector<HiddenNarinfo> hidden;
};

// What narinfos and uploads say of a NAR's file.
struct NarFacts {
    std::optional<Sha256> hash;
    std::optional<std::uint64_t> size;
};

struct FoundNarFile {
    std::size_t asked;
    std::string file;  // absolute; or a URL
    bool is_url;
    NarFacts facts;
};

struct ClosureMember {
    HashPart hash;
    // Bytes of the text as find_narinfos has it. Absent: it isn't served.
    std::optional<std::uint64_t> bytes;
};

class LookupConnection {
  public:
    // `limit`: how long a statement may take. Throws Unavailable, and SchemaMismatch when the
    // schema isn't this program's; unless any will do in which the statements are understood: a
    // region is migrated before its primary.
    enum class Schema { ours, any };
    explicit LookupConnection(
        const std::string& uri,
        std::chrono::milliseconds limit = std::chrono::seconds(5),
        Schema schema = Schema::ours
    );
    ~LookupConnection();
    LookupConnection(const LookupConnection&) = delete;
    LookupConnection& operator=(const LookupConnection&) = delete;

    // What there is of `keys`. Throws Unavailable or QueryFailed, as does the next.
    [[nodiscard]] FoundNarinfos find_narinfos(std::span<const PathKey> keys);

    // Where NARs are, in local directories or on other servers; one with several places comes
    // several times, the place to prefer first.
    [[nodiscard]] std::vector<FoundNarFile> find_nar_files(std::span<const NarKey> keys);

    // Which of `keys` are served, by their place, in any order.
    [[nodiscard]] std::vector<std::size_t> find_present(std::span<const PathKey> keys);

    // What was published beside narinfos under that path, unless its output is hidden.
    [[nodiscard]] std::optional<std::string> find_companion(int cache, const std::string& path);

    // All that `root` needs, itself included, nearly always references before referrers; at most
    // `most`, where it isn't said which. Empty when nothing is known of it.
    [[nodiscard]] std::vector<ClosureMember> closure_members(const PathKey& root, std::size_t most);

    // Whether the database is a primary's that no other has replaced.
    [[nodiscard]] bool is_primary();

    // Makes a blocked call fail soon with Unavailable. Any thread.
    void interrupt() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::db

template <>
struct std::hash<narthex::db::NarKey> {
    std::size_t operator()(const narthex::db::NarKey& key) const noexcept {
        return std::hash<std::string>{}(key.url) ^ static_cast<std::size_t>(key.cache);
    }
};
