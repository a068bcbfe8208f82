#include "narthex/http/bulk_answers.hpp"

#include "bulk_jobs.hpp"

#include "narthex/http/access_answers.hpp"
#include "narthex/http/bulk_json.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/nar_answer.hpp"

#include <boost/asio/post.hpp>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

Answer refused(const BodyError& error) {
    const int status = error.too_many ? 413 : 400;
    return text_answer(status, std::to_string(status) + ": " + error.message);
}

Answer no_such_attic_cache() {
    return body_answer(
        404,
        "application/json",
        std::make_shared<const std::string>(
            attic_error_json(404, "NoSuchCache", "The requested cache does not exist.")
        )
    );
}

const Cache* find_cache(const std::vector<Cache>& caches, const std::string& name) {
    for (const auto& cache : caches) {
        if (cache.name == name) return &cache;
    }
    return nullptr;
}

// The graph stays with the primary and those that may take its place: who has no graph says where
// there is one.
std::optional<Answer> closure_elsewhere(const db::Instance& instance, std::string_view target) {
    if (instance.kind != "serving") return std::nullopt;
    if (!instance.primary_url || !target.starts_with('/')) {
        return service_unavailable("this region has no closures, and its primary no URL");
    }
    return redirect_answer(*instance.primary_url + std::string(target));
}

bool wants_text(const Request& request) {
    return request.accept.find("text/x-nix-narinfo") != std::string_view::npos;
}

}  // namespace

BulkAnswers::BulkAnswers(
    const service::Catalog& catalog,
    const service::Access& access,
    const service::InstanceWatch& watch,
    service::BulkLookups& lookups,
    service::Leases& leases,
    asio::thread_pool& files,
    const BulkLimits& limits
)
    : catalog_(catalog),
      access_(access),
      watch_(watch),
      lookups_(lookups),
      leases_(leases),
      files_(files),
      limits_(limits),
      room_(limits.memory_bytes) {}

void BulkAnswers::answer(BulkAsk ask, Done done) {
    done = done_for((*ask.request)->method, std::move(done));
    asio::post(files_, [this, ask = std::move(ask), done = std::move(done)]() mutable {
        start(std::move(ask), std::move(done));
    });
}

// False when the request has been refused. Else nobody keeps what a private cache answers.
bool BulkAnswers::admit(const BulkAsk& ask, const Cache& cache, Done& done) const {
    if (cache.visibility == Visibility::public_cache) return true;
    if (auto refusal = access_refusal(access_, **ask.request, cache.id, Scope::read)) {
        done(std::move(*refusal));
        return false;
    }
    done = [done = std::move(done)](Answer answer) {
        make_private(answer);
        done(std::move(answer));
    };
    return true;
}

void BulkAnswers::start(BulkAsk ask, Done done) {
    if (ask.client.expired()) return;
    const auto instance = watch_.instance();
    if (instance->role == db::InstanceRole::joining) {
        return done(service_unavailable("this region's first copy isn't complete"));
    }
    // Asked again: a cache or the right to read it may have gone since.
    const auto caches = catalog_.caches();
    const auto to = route((*ask.request)->target, *caches);
    if (to.resource == Resource::attic_missing) {
        return start_attic(std::move(ask), *caches, std::move(done));
    }
    if (to.cache == nullptr) return done(text_answer(404, "404: not here"));
    if (!admit(ask, *to.cache, done)) return;
    if (to.resource == Resource::closure) {
        auto elsewhere = closure_elsewhere(*instance, (*ask.request)->target);
        if (elsewhere) return done(std::move(*elsewhere));
        return start_closure(std::move(ask), {to.cache->id, *to.hash}, done);
    }
    if (to.resource == Resource::narinfos) return start_narinfos(std::move(ask), *to.cache, done);
    if (to.resource == Resource::companion) {
        return start_companion(std::move(ask), to.cache->id, *to.companion, done);
    }
    start_missing(std::move(ask), *to.cache, done);
}

// Null where nothing has to be leased.
service::Leases* BulkAnswers::leases_for(const BulkAsk& ask, const Cache& cache) const {
    return is_publisher(access_, **ask.request, cache) ? &leases_ : nullptr;
}

void BulkAnswers::start_narinfos(BulkAsk ask, const Cache& cache, const Done& done) {
    auto hashes = parse_hash_lines(ask.work.body, limits_.hashes);
    if (!hashes) return done(refused(hashes.error()));
    const auto form = wants_text(**ask.request) ? NarinfoForm::text : NarinfoForm::json;
    auto* leases = leases_for(ask, cache);
    run_job(std::make_shared<NarinfosJob>(
        JobContext{lookups_, watch_, limits_, std::move(ask), done, leases},
        cache.id,
        std::move(*hashes),
        form
    ));
}

void BulkAnswers::start_missing(BulkAsk ask, const Cache& cache, const Done& done) {
    auto hashes = parse_hash_array(ask.work.body, limits_.hashes);
    if (!hashes) return done(refused(hashes.error()));
    auto* leases = leases_for(ask, cache);
    run_job(std::make_shared<MissingJob>(
        JobContext{lookups_, watch_, limits_, std::move(ask), done, leases},
        cache.id,
        std::move(*hashes),
        hash_array_json
    ));
}

void BulkAnswers::start_attic(BulkAsk ask, const std::vector<Cache>& caches, Done done) {
    auto question = parse_attic_question(ask.work.body, limits_.hashes);
    if (!question) return done(refused(question.error()));
    const auto* cache = find_cache(caches, question->cache);
    if (cache == nullptr) return done(no_such_attic_cache());
    if (!admit(ask, *cache, done)) return;
    auto* leases = leases_for(ask, *cache);
    run_job(std::make_shared<MissingJob>(
        JobContext{lookups_, watch_, limits_, std::move(ask), done, leases},
        cache->id,
        std::move(question->hashes),
        missing_paths_json
    ));
}

void BulkAnswers::start_closure(BulkAsk ask, const PathKey& root, const Done& done) {
    ask.work.share = room_.enter(0);
    if (!ask.work.share) return done(too_busy());
    find_closure(JobContext{lookups_, watch_, limits_, std::move(ask), done}, root);
}

void BulkAnswers::start_companion(
    BulkAsk ask, int cache, const CompanionPath& path, const Done& done
) {
    ask.work.share = room_.enter(0);
    if (!ask.work.share) return done(too_busy());
    find_companion(JobContext{lookups_, watch_, limits_, std::move(ask), done}, cache, path);
}

}  // namespace narthex::http
