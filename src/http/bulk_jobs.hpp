// The work behind BulkAnswers, a statement at a time. Layer http's own.
#pragma once

#include "narthex/http/bulk_answers.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>

namespace narthex::http {

// Keys in one statement: it takes milliseconds, then it is another request's turn.
inline constexpr std::size_t k_chunk_keys = 1000;

struct JobContext {
    service::BulkLookups& lookups;
    const service::InstanceWatch& watch;
    const BulkLimits& limits;  // BulkAnswers's, which outlives every job
    BulkAsk ask;
    BulkAnswers::Done done;
    service::Leases* leases = nullptr;  // of a publisher, whose paths are leased first
};

// Goes through a list of paths, a chunk a statement. Lives until its answer is made.
class ChunkedJob {
  public:
    virtual ~ChunkedJob() = default;
    ChunkedJob(const ChunkedJob&) = delete;
    ChunkedJob& operator=(const ChunkedJob&) = delete;

  protected:
    ChunkedJob(JobContext context, int cache, HashList hashes);
    // Asks for `keys`, a chunk of `hashes`; sets lacking_. An answer when there is no need to go
    // on.
    virtual std::optional<Answer> look_up(
        db::LookupConnection& connection,
        std::span<const HashPart> hashes,
        std::span<const PathKey> keys
    ) = 0;
    virtual Answer finish() = 0;

    // Whether the n-th of the chunk's keys may be said to be there: it is leased, if it has to be.
    [[nodiscard]] bool may_tell(std::size_t n) const {
        return context_.leases == nullptr || presence_[n] == db::Presence::served;
    }

    // Accounts for `bytes` more of the answer. A refusal when they are too many.
    [[nodiscard]] std::optional<Answer> make_room(std::size_t bytes);
    JobContext context_;
    bool lacking_ = false;  // of the chunk, something isn't served

  private:
    friend void run_job(const std::shared_ptr<ChunkedJob>& job);
    [[nodiscard]] std::vector<PathKey> chunk() const;
    void lease_chunk(const std::shared_ptr<ChunkedJob>& self);
    void look_up_chunk(const std::shared_ptr<ChunkedJob>& self);
    void run_chunk(db::LookupConnection& connection, const std::shared_ptr<ChunkedJob>& self);

    int cache_;
    HashList hashes_;
    std::size_t next_ = 0;                // of hashes_
    std::vector<db::Presence> presence_;  // of the chunk, where it is leased
    std::size_t bytes_ = 0;
    std::chrono::steady_clock::time_point deadline_;
};

void run_job(const std::shared_ptr<ChunkedJob>& job);

enum class NarinfoForm { json, text };

class NarinfosJob : public ChunkedJob {
  public:
    NarinfosJob(JobContext context, int cache, HashList hashes, NarinfoForm form);

  private:
    std::optional<Answer> look_up(
        db::LookupConnection& connection,
        std::span<const HashPart> hashes,
        std::span<const PathKey> keys
    ) override;
    Answer finish() override;
    void add(db::FoundNarinfo found);

    NarinfoForm form_;
    std::string out_;
};

class MissingJob : public ChunkedJob {
  public:
    using Render = std::string (*)(std::span<const HashPart>);
    MissingJob(JobContext context, int cache, HashList hashes, Render render);

  private:
    std::optional<Answer> look_up(
        db::LookupConnection& connection,
        std::span<const HashPart> hashes,
        std::span<const PathKey> keys
    ) override;
    Answer finish() override;

    Render render_;
    HashList missing_;
};

// Answers with the closure of `root`.
void find_closure(JobContext context, const PathKey& root);

// Answers with what was published at `path`.
void find_companion(JobContext context, int cache, const CompanionPath& path);

// Gives a text that is in memory, in pieces that a connection can hold; keeps `share` meanwhile.
[[nodiscard]] Answer long_answer(
    std::string_view content_type, std::string text, std::shared_ptr<service::BulkShare> share
);

}  // namespace narthex::http
