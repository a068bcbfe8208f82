#include "narthex/http/upload_answers.hpp"

#include "narthex/core/content_coding.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/db/leases.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/http/access_answers.hpp"
#include "narthex/http/companion_body.hpp"
#include "narthex/http/upload_texts.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

// Of an upload that goes to the disk: a piece that is written, the next, and what is read at once.
constexpr std::size_t k_sink_bytes = 512 * 1024;
// As in a narinfo (core/narinfo_rules.cpp), since nobody can name a NAR by more.
constexpr std::size_t k_longest_url = 2048;
// How often a body is in memory on its way to the database: decoded, and as hexadecimal text.
constexpr std::size_t k_copies = 4;

Answer refused(std::string_view reason) {
    return text_answer(400, fmt::format("400: {}", reason));
}

// Every line of it is one of the cache's own.
bool is_said_by(std::string_view text, const std::string& cache_info) {
    const auto own = '\n' + cache_info;
    if (!text.ends_with('\n')) return false;
    while (!text.empty()) {
        const auto end = text.find('\n') + 1;
        if (own.find('\n' + std::string(text.substr(0, end))) == std::string::npos) return false;
        text.remove_prefix(end);
    }
    return true;
}

Answer cache_info_answer(const Cache& cache, std::string_view text) {
    if (is_said_by(text, render_cache_info(cache))) return no_content();
    return text_answer(
        409,
        fmt::format(
            "409: this cache's nix-cache-info is another (it is for {}); 'narthex cache set {}' "
            "changes it",
            cache.store_dir,
            cache.name
        )
    );
}

}  // namespace

UploadAnswers::UploadAnswers(
    const service::Catalog& catalog,
    const service::Access& access,
    service::Publishing& publishing,
    service::Epochs& epochs,
    asio::thread_pool& disk,
    const service::PublishKeys& keys,
    const UploadLimits& limits
)
    : catalog_(catalog),
      access_(access),
      publishing_(publishing),
      epochs_(epochs),
      disk_(disk),
      keys_(keys),
      limits_(limits),
      room_(limits.memory_bytes) {}

bool UploadAnswers::takes(Resource resource) {
    return resource == Resource::nar || resource == Resource::narinfo ||
           resource == Resource::companion || resource == Resource::cache_info;
}

std::uint64_t UploadAnswers::most_bytes(const Route& to) const {
    if (to.resource == Resource::nar) return limits_.nar_bytes;
    if (to.resource != Resource::companion) return limits_.narinfo_bytes;
    const auto kind = to.companion->kind;
    const bool large = kind == CompanionKind::log || kind == CompanionKind::listing;
    return large ? limits_.companion_bytes : limits_.narinfo_bytes;
}

std::optional<Answer> UploadAnswers::fault(const Request& request, const Route& to) const {
    if (directory_ == nullptr) return uploads_disabled();
    if (to.nar.size() > k_longest_url) return long_url(k_longest_url);
    auto refusal = access_refusal(access_, request, to.cache->id, Scope::publish);
    if (refusal) return refusal;
    if (!may_write_()) return not_yet_primary();
    if (const auto good = check_publishable(*to.cache); !good) {
        return text_answer(403, "403: " + good.error().message);
    }
    const auto coding = parse_content_coding(request.content_encoding);
    if (!coding) return unknown_coding();
    if (to.resource == Resource::nar && coding != ContentCoding::identity) return unknown_coding();
    return size_fault(request, to);
}

std::optional<Answer> UploadAnswers::size_fault(const Request& request, const Route& to) const {
    if (!request.content_length) return no_length();
    const auto most = most_bytes(to);
    if (*request.content_length > most) return too_large_upload(most);
    return std::nullopt;
}

std::shared_ptr<service::BulkShare> UploadAnswers::enter(const Request& request, const Route& to)
    const {
    const bool is_nar = to.resource == Resource::nar;
    return room_.enter(is_nar ? k_sink_bytes : static_cast<std::size_t>(*request.content_length));
}

std::optional<UploadPlan> UploadAnswers::plan(const Request& request, const Route& to) const {
    auto share = enter(request, to);
    if (!share) return std::nullopt;
    if (to.resource != Resource::nar) return UploadPlan{std::move(share), nullptr};
    const UploadPlace place{*directory_, publishing_, disk_, limits_.publish};
    return UploadPlan{
        nullptr, std::make_shared<NarUpload>(place, to.cache->id, to.nar, std::move(share))};
}

void UploadAnswers::answer(BulkAsk ask, Done done) {
    asio::post(disk_, [this, ask = std::move(ask), done = std::move(done)]() mutable {
        start(std::move(ask), done);
    });
}

void UploadAnswers::start(BulkAsk ask, const Done& done) {
    if (ask.client.expired()) return;
    const auto& request = **ask.request;
    // Asked again: a cache may have gone since.
    const auto caches = catalog_.caches();
    const auto to = route(request.target, *caches);
    if (to.cache == nullptr) return done(text_answer(404, "404: not here"));
    const auto most = most_bytes(to);
    const auto coding = parse_content_coding(request.content_encoding).value();
    auto content = decode_content(coding, ask.work.body, static_cast<std::size_t>(most));
    if (!content) return done(decode_fault(content.error(), most));
    ask.work.body = {};
    if (!ask.work.share->grow(k_copies * content->size())) return done(too_many_uploads());
    const Done keep = [done, share = ask.work.share](Answer answer) { done(std::move(answer)); };
    if (to.resource == Resource::narinfo) {
        return start_narinfo(*to.cache, *to.hash, std::move(*content), keep);
    }
    if (to.resource == Resource::companion) {
        return start_companion(*to.cache, *to.companion, std::move(*content), keep);
    }
    done(cache_info_answer(*to.cache, *content));
}

void UploadAnswers::start_narinfo(
    const Cache& cache, const HashPart& hash, std::string text, const Done& done
) {
    auto parsed = Narinfo::parse(std::move(text));
    if (!parsed) return done(refused("no narinfo: " + parsed.error().to_string()));
    if (parsed->store_path().base.hash != hash) {
        return done(refused("its StorePath has another hash than its URL"));
    }
    const auto narinfo = std::make_shared<const Narinfo>(std::move(*parsed));
    submit(done, [this, cache, narinfo](db::Connection& connection) {
        service::Published published{};
        connection.write([&](db::Tx& tx) {
            published = service::publish_narinfo(tx, cache, keys_, *narinfo);
            if (published.verdict == service::Verdict::present) lease(tx, cache, *narinfo);
        });
        // Before anybody hears of it: who asks this server next, sees it.
        epochs_.raise(bucket_of(narinfo->store_path().base.hash));
        return published_answer(published);
    });
}

// Whoever is told that it was there already relies on it.
void UploadAnswers::lease(db::Tx& tx, const Cache& cache, const Narinfo& narinfo) const {
    const PathKey key{cache.id, narinfo.store_path().base.hash};
    [[maybe_unused]] const auto presence = db::lease_paths(tx, std::span(&key, 1), limits_.lease);
}

void UploadAnswers::start_companion(
    const Cache& cache, const CompanionPath& path, std::string content, const Done& done
) {
    const auto output = output_of_companion(path, content);
    if (!output) return done(refused(output.error().message));
    const auto companion = std::make_shared<const db::Companion>(db::Companion{
        path.kind, path.path, *output, std::move(content)});
    submit(done, [id = cache.id, companion](db::Connection& connection) {
        auto fate = db::CompanionFate::conflict;
        connection.write([&](db::Tx& tx) { fate = db::store_companion(tx, id, *companion); });
        if (fate == db::CompanionFate::added) return text_answer(201, "stored");
        if (fate == db::CompanionFate::replaced) return text_answer(200, "stored anew");
        return text_answer(
            409,
            "409: this cache has another output for that, which stays: the build isn't reproducible"
        );
    });
}

void UploadAnswers::submit(const Done& done, std::function<Answer(db::Connection&)> run) {
    service::PublishTask task;
    task.deadline = std::chrono::steady_clock::now() + limits_.publish;
    task.run = [done, run = std::move(run)](db::Connection& connection) { done(run(connection)); };
    task.fail = [done](service::PublishFault fault, const std::string& reason) {
        done(publish_fault(fault, reason));
    };
    publishing_.submit(std::move(task));
}

}  // namespace narthex::http
