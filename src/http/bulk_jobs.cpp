#include "bulk_jobs.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/http/bulk_json.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>

namespace narthex::http {

namespace {

using Clock = std::chrono::steady_clock;

// A piece of a text in memory; a shorter text goes as it is.
constexpr std::size_t k_piece_bytes = 256 * 1024;

class TextSource : public BodySource {
  public:
    TextSource(std::string text, std::shared_ptr<service::BulkShare> share)
        : text_(std::move(text)), share_(std::move(share)) {}

    void next(Take take) override {
        auto piece = text_.substr(sent_, k_piece_bytes);
        sent_ += piece.size();
        take(std::move(piece));
    }

  private:
    std::string text_;
    std::shared_ptr<service::BulkShare> share_;
    std::size_t sent_ = 0;
};

Answer too_large(std::size_t bytes) {
    return text_answer(
        413,
        "413: the answer is larger than " + std::to_string(bytes) +
            " bytes: ask for fewer paths in each request"
    );
}

}  // namespace

Answer long_answer(
    std::string_view content_type, std::string text, std::shared_ptr<service::BulkShare> share
) {
    if (text.size() <= k_piece_bytes) {
        return body_answer(200, content_type, std::make_shared<const std::string>(std::move(text)));
    }
    Answer answer;
    answer.head = HeadBuilder(200, content_type, text.size()).share();
    answer.source = std::make_shared<TextSource>(std::move(text), std::move(share));
    return answer;
}

ChunkedJob::ChunkedJob(JobContext context, int cache, HashList hashes)
    : context_(std::move(context)),
      cache_(cache),
      hashes_(std::move(hashes)),
      deadline_(Clock::now() + context_.limits.timeout) {
    context_.ask.work.body = {};
}

// The next chunk, or the answer when there is none.
void run_job(const std::shared_ptr<ChunkedJob>& job) {
    if (job->next_ == job->hashes_.size()) return job->context_.done(job->finish());
    if (job->context_.leases != nullptr) return job->lease_chunk(job);
    job->look_up_chunk(job);
}

std::vector<PathKey> ChunkedJob::chunk() const {
    const auto end = next_ + std::min(k_chunk_keys, hashes_.size() - next_);
    std::vector<PathKey> keys;
    keys.reserve(end - next_);
    for (auto i = next_; i < end; ++i) keys.push_back({cache_, hashes_[i]});
    return keys;
}

void ChunkedJob::lease_chunk(const std::shared_ptr<ChunkedJob>& self) {
    context_.leases->submit(
        {chunk(),
         deadline_,
         [this, self](const std::vector<db::Presence>& presence) {
             presence_ = presence;
             look_up_chunk(self);
         },
         [self] { self->context_.done(service_unavailable()); }}
    );
}

void ChunkedJob::look_up_chunk(const std::shared_ptr<ChunkedJob>& self) {
    context_.lookups.submit(
        {context_.ask.client,
         deadline_,
         [self](db::LookupConnection& connection) { self->run_chunk(connection, self); },
         [self] { self->context_.done(service_unavailable()); }}
    );
}

void ChunkedJob::run_chunk(
    db::LookupConnection& connection, const std::shared_ptr<ChunkedJob>& self
) {
    const auto keys = chunk();
    const auto hashes = std::span<const HashPart>(hashes_).subspan(next_, keys.size());
    // As it was before the statement: what a region lacks then may have come to its primary.
    const bool absences_count = context_.watch.up_to_date();
    lacking_ = false;
    auto refusal = look_up(connection, hashes, keys);
    if (!refusal && lacking_ && !absences_count) refusal = not_up_to_date();
    if (refusal) {
        context_.ask.work.share.reset();  // before anybody hears of it
        return context_.done(std::move(*refusal));
    }
    next_ += hashes.size();
    run_job(self);
}

std::optional<Answer> ChunkedJob::make_room(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > context_.limits.answer_bytes) return too_large(context_.limits.answer_bytes);
    if (!context_.ask.work.share->grow(bytes)) return too_busy();
    return std::nullopt;
}

NarinfosJob::NarinfosJob(JobContext context, int cache, HashList hashes, NarinfoForm form)
    : ChunkedJob(std::move(context), cache, std::move(hashes)), form_(form) {}

std::optional<Answer> NarinfosJob::look_up(
    db::LookupConnection& connection,
    std::span<const HashPart> /*hashes*/,
    std::span<const PathKey> keys
) {
    auto found = connection.find_narinfos(keys).served;
    lacking_ = found.size() < keys.size();
    std::ranges::sort(found, {}, &db::FoundNarinfo::asked);
    for (auto& each : found) {
        if (!may_tell(each.asked)) continue;
        const auto before = out_.size();
        add(std::move(each));
        if (auto refusal = make_room(out_.size() - before)) return refusal;
    }
    return std::nullopt;
}

void NarinfosJob::add(db::FoundNarinfo found) {
    if (form_ == NarinfoForm::text) {
        if (!out_.empty()) out_ += '\n';
        out_ += found.text;
        return;
    }
    const auto narinfo = Narinfo::parse(std::move(found.text));
    if (narinfo) {
        out_ += narinfo_json_line(*narinfo, found.first_seen);
        return;
    }
    // Clients ask for it by itself then, and get the text.
    const auto reason = narinfo.error().to_string();
    service::log_error("event=bad_narinfo reason={}", log_text(reason));
}

Answer NarinfosJob::finish() {
    const bool text = form_ == NarinfoForm::text;
    return long_answer(
        text ? "text/x-nix-narinfo" : "application/x-ndjson",
        std::move(out_),
        std::move(context_.ask.work.share)
    );
}

MissingJob::MissingJob(JobContext context, int cache, HashList hashes, Render render)
    : ChunkedJob(std::move(context), cache, std::move(hashes)), render_(render) {}

std::optional<Answer> MissingJob::look_up(
    db::LookupConnection& connection,
    std::span<const HashPart> hashes,
    std::span<const PathKey> keys
) {
    std::vector<bool> present(hashes.size());
    for (const auto which : connection.find_present(keys)) present[which] = true;
    lacking_ = std::find(present.begin(), present.end(), false) != present.end();
    for (std::size_t i = 0; i < hashes.size(); ++i) {
        if (!present[i] || !may_tell(i)) missing_.push_back(hashes[i]);
    }
    return std::nullopt;
}

Answer MissingJob::finish() {
    return long_answer("application/json", render_(missing_), std::move(context_.ask.work.share));
}

}  // namespace narthex::http
