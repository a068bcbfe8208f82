// A whole closure: first its members with the sizes of their texts, so that the length of the
// answer is known; then the texts, a chunk a statement, each when the client has taken the one
// before. What has changed meanwhile ends the connection early: no client takes a part for the
// whole.
#include "bulk_jobs.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>

namespace narthex::http {

namespace {

using Clock = std::chrono::steady_clock;

// A chunk ends with the text that makes it as large.
constexpr std::size_t k_chunk_bytes = 512 * 1024;

struct Member {
    HashPart hash;
    std::uint32_t bytes;
};

class ClosureSource : public BodySource, public std::enable_shared_from_this<ClosureSource> {
  public:
    ClosureSource(JobContext context, int cache, std::vector<Member> members)
        : context_(std::move(context)), cache_(cache), members_(std::move(members)) {}

    void next(Take take) override {
        if (next_ == members_.size()) return take("");
        context_.lookups.submit(
            {context_.ask.client,
             Clock::now() + context_.limits.timeout,
             [self = shared_from_this(), take](db::LookupConnection& connection) {
                 take(self->read_chunk(connection));
             },
             [take] { take(std::nullopt); }}
        );
    }

  private:
    std::optional<std::string> read_chunk(db::LookupConnection& connection);
    [[nodiscard]] std::size_t end_of_chunk() const;

    JobContext context_;
    int cache_;
    std::vector<Member> members_;
    std::size_t next_ = 0;  // of members_
};

std::size_t ClosureSource::end_of_chunk() const {
    const auto most = std::min(members_.size(), next_ + k_chunk_keys);
    std::size_t bytes = 0;
    std::size_t end = next_;
    while (end < most && bytes < k_chunk_bytes) bytes += members_[end++].bytes;
    return end;
}

std::optional<std::string> ClosureSource::read_chunk(db::LookupConnection& connection) {
    const auto end = end_of_chunk();
    std::vector<PathKey> keys;
    for (auto i = next_; i < end; ++i) keys.push_back({cache_, members_[i].hash});
    auto found = connection.find_narinfos(keys).served;
    std::ranges::sort(found, {}, &db::FoundNarinfo::asked);
    bool same = found.size() == keys.size();
    std::string out;
    for (const auto& each : found) {
        same = same && each.text.size() == members_[next_ + each.asked].bytes;
        if (next_ + each.asked > 0) out += '\n';
        out += each.text;
    }
    if (!same) {
        service::log_info("event=closure_changed hint=\"the client has to ask again\"");
        return std::nullopt;
    }
    next_ = end;
    return out;
}

Answer too_many(std::size_t most) {
    return text_answer(
        413,
        "413: the closure has more than " + std::to_string(most) +
            " paths: ask for those of its references one by one"
    );
}

// Those that are served; none when the root isn't.
std::vector<Member> served(const std::vector<db::ClosureMember>& all, const HashPart& root) {
    std::vector<Member> members;
    members.reserve(all.size());
    bool has_root = false;
    for (const auto& each : all) {
        if (!each.bytes) continue;
        has_root = has_root || each.hash == root;
        members.push_back({each.hash, static_cast<std::uint32_t>(*each.bytes)});
    }
    if (!has_root) members.clear();
    return members;
}

Answer closure_answer(JobContext& context, int cache, std::vector<Member> members) {
    if (!context.ask.work.share->grow(members.size() * sizeof(Member))) return too_busy();
    std::uint64_t bytes = members.size() - 1;  // the empty lines between
    for (const auto& member : members) bytes += member.bytes;
    Answer answer;
    answer.head =
        HeadBuilder(200, "text/x-nix-narinfo", bytes).field("Cache-Control", "no-store").share();
    answer.source = std::make_shared<ClosureSource>(std::move(context), cache, std::move(members));
    return answer;
}

Answer answer_of(JobContext& context, const PathKey& root, db::LookupConnection& connection) {
    const bool absences_count = context.watch.up_to_date();
    const auto most = context.limits.closure_paths;
    const auto all = connection.closure_members(root, most + 1);
    if (all.size() > most) return too_many(most);
    auto members = served(all, root.hash);
    if (!members.empty()) return closure_answer(context, root.cache, std::move(members));
    return absences_count ? text_answer(404, "404: not here") : not_up_to_date();
}

}  // namespace

void find_closure(JobContext context, const PathKey& root) {
    auto& lookups = context.lookups;
    const auto shared = std::make_shared<JobContext>(std::move(context));
    lookups.submit(
        {shared->ask.client,
         Clock::now() + shared->limits.timeout,
         [shared, root, done = shared->done](db::LookupConnection& connection) {
             done(answer_of(*shared, root, connection));
         },
         [done = shared->done] { done(service_unavailable()); }}
    );
}

}  // namespace narthex::http
