#include "narthex/service/upstreams.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/core/upstream.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace narthex::service {

namespace {

using Status = LookupAnswer::Status;

// Of the paths that are checked in one statement.
constexpr std::size_t k_most_checked = 1000;

LookupAnswer unavailable() {
    return {Status::unavailable, nullptr, {}};
}

// Not for longer than this table of misses has it: nothing in the database changes when it comes.
LookupAnswer absent_for_now() {
    LookupAnswer answer{Status::absent, nullptr, {}};
    answer.lasting = false;
    return answer;
}

const Cache* find_cache(const std::vector<Cache>& caches, int id) {
    const auto at = std::ranges::find(caches, id, &Cache::id);
    return at == caches.end() ? nullptr : &*at;
}

// RFC 9110 15.5: what buckets and CDNs say of what they don't have.
bool is_denial(int status) {
    return status == 404 || status == 403 || status == 410;
}

// It answers nobody for now.
bool is_failure(const Fetched& fetched) {
    if (fetched.status == 0) return !fetched.alive;
    return fetched.status >= 500 || fetched.status == 429;
}

std::string fault_of(const Fetched& fetched) {
    if (fetched.status == 0) return fetched.fault;
    return "it answers with status " + std::to_string(fetched.status);
}

bool is_wanted(const std::vector<Lookup>& lookups) {
    const auto now = std::chrono::steady_clock::now();
    return std::ranges::any_of(lookups, [now](const Lookup& lookup) {
        return !lookup.client.expired() && now < lookup.deadline;
    });
}

FetchOptions fetch_options(const UpstreamOptions& options) {
    FetchOptions fetch;
    fetch.user_agent = options.user_agent;
    fetch.limit = options.limits.timeout;
    fetch.connect_limit = options.limits.timeout / 2;
    fetch.largest = k_max_narinfo_bytes;
    return fetch;
}

}  // namespace

Upstreams::Upstreams(UpstreamOptions options)
    : options_(std::move(options)),
      misses_(options_.limits.keep_misses, options_.limits.most_misses),
      fetcher_(fetch_options(options_)),
      thread_([this] { run(); }) {}

Upstreams::~Upstreams() {
    stop();
}

void Upstreams::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    wake_.notify_all();
    fetcher_.stop();
    thread_.join();
    Pulls left;
    for (const auto& [key, pull] : pulls_) left.push_back(pull);
    give_up(left);
}

Upstreams::Figures Upstreams::figures() const {
    const auto caches = options_.caches();
    const std::lock_guard lock(mutex_);
    Figures figures{health_.counts(), fetching_, waiting_};
    for (const auto& cache : *caches) {
        for (const auto& upstream : cache.upstreams) figures.upstreams.try_emplace(upstream);
    }
    return figures;
}

// --- what is asked ---

void Upstreams::take(std::vector<Answered>& answers) {
    const auto caches = options_.caches();
    if (std::ranges::none_of(*caches, &Cache::pulls_through)) return;
    Answers left;
    left.reserve(answers.size());
    {
        const std::lock_guard lock(mutex_);
        for (auto& answer : answers) {
            if (!take_one(answer, caches)) left.push_back(std::move(answer));
        }
    }
    answers = std::move(left);
    wake_.notify_one();
}

// True when `answer` is to come later.
bool Upstreams::take_one(Answered& answer, const CacheList& caches) {
    const auto* key = std::get_if<PathKey>(&answer.lookup.key);
    if (key == nullptr || answer.answer.status != Status::absent) return false;
    const auto* cache = find_cache(*caches, key->cache);
    if (cache == nullptr || !cache->pulls_through()) return false;
    if (std::exchange(misses_of_, caches) != caches) misses_.clear();
    if (misses_.holds(*key, UpstreamHealth::Clock::now())) {
        answer.answer = absent_for_now();
        return false;
    }
    if (stopping_ || waiting_ >= options_.limits.largest_queue) {
        answer.answer = unavailable();
        return false;
    }
    auto& pull = pulls_[*key];
    if (!pull) {
        pull = std::make_shared<Pull>(Pull{*key, caches, cache});
        to_check_.push_back(pull);
    }
    pull->lookups.push_back(std::move(answer.lookup));
    ++waiting_;
    return true;
}

void Upstreams::begin_fetches(Answers& out) {
    while (!to_fetch_.empty() && fetching_ < options_.limits.fetches) {
        const auto pull = std::move(to_fetch_.front());
        to_fetch_.pop_front();
        ++fetching_;
        if (is_wanted(pull->lookups)) {
            ask_upstream(pull, out);
        } else {
            --fetching_;
            end(pull, unavailable(), out);
        }
    }
}

// The next one that may be asked; when there is none, what the others said is what is known.
void Upstreams::ask_upstream(const PullPtr& pull, Answers& out) {
    for (; pull->next < pull->cache->upstreams.size(); ++pull->next) {
        if (!health_.may_ask(pull->upstream())) {
            pull->doubtful = true;
            continue;
        }
        const auto now = UpstreamHealth::Clock::now();
        fetcher_.fetch(
            pull->upstream() + "/" + pull->key.hash.to_string() + ".narinfo",
            [this, pull, now](Fetched result) { fetched(pull, now, std::move(result)); }
        );
        return;
    }
    --fetching_;
    if (!pull->doubtful) misses_.add(pull->key, UpstreamHealth::Clock::now());
    end(pull, pull->doubtful ? unavailable() : absent_for_now(), out);
}

void Upstreams::ask_next_upstream(const PullPtr& pull, bool doubtful, Answers& out) {
    pull->doubtful = pull->doubtful || doubtful;
    ++pull->next;
    ask_upstream(pull, out);
    begin_fetches(out);
}

void Upstreams::end(const PullPtr& pull, const LookupAnswer& answer, Answers& out) {
    for (auto& lookup : pull->lookups) out.push_back({std::move(lookup), answer});
    waiting_ -= pull->lookups.size();
    pull->lookups.clear();
    pulls_.erase(pull->key);
}

// --- what they said ---

void Upstreams::fetched(const PullPtr& pull, Time begun, Fetched fetched) {
    Answers out;
    {
        const std::lock_guard lock(mutex_);
        const auto& upstream = pull->upstream();
        if (is_failure(fetched)) {
            health_.failed(upstream, begun, fault_of(fetched));
            ask_next_upstream(pull, true, out);
        } else {
            health_.answered(upstream);
            if (fetched.status == 200) {
                to_store_.push_back({pull, std::move(fetched.body)});
            } else if (is_denial(fetched.status)) {
                health_.absent(upstream);
                ask_next_upstream(pull, false, out);
            } else {
                health_.refused(upstream, pull->key.hash.to_string(), fault_of(fetched));
                ask_next_upstream(pull, true, out);
            }
        }
    }
    wake_.notify_one();
    deliver(std::move(out));
}

// --- the database ---

void Upstreams::run() {
    while (true) {
        Pulls unchecked;
        std::vector<Text> texts;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] {
                return stopping_ || !to_check_.empty() || !to_store_.empty();
            });
            if (stopping_) return;
            const auto most = std::min(to_check_.size(), k_most_checked);
            const auto end = to_check_.begin() + static_cast<std::ptrdiff_t>(most);
            unchecked.assign(to_check_.begin(), end);
            to_check_.erase(to_check_.begin(), end);
            texts.swap(to_store_);
        }
        if (!unchecked.empty()) check(unchecked);
        if (!texts.empty()) verify_and_store(texts);
    }
}

// What the operator has hidden isn't brought back by asking for it.
void Upstreams::check(const Pulls& pulls) {
    std::vector<PathKey> keys;
    keys.reserve(pulls.size());
    for (const auto& pull : pulls) keys.push_back(pull->key);
    std::set<PathKey> hidden;
    if (!on_connection([&](db::Connection& connection) { hidden = find_hidden(connection, keys); }
        )) {
        return give_up(pulls);
    }
    Answers out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& pull : pulls) {
            if (hidden.contains(pull->key)) {
                end(pull, {Status::hidden, nullptr, {}}, out);
            } else {
                to_fetch_.push_back(pull);
            }
        }
        begin_fetches(out);
    }
    deliver(std::move(out));
}

void Upstreams::verify_and_store(std::vector<Text>& texts) {
    Pulls pulls;
    std::vector<PulledNarinfo> pulled;
    for (auto& [pull, text] : texts) {
        auto narinfo = check_pulled(std::move(text), pull->key.hash, *pull->cache);
        if (!narinfo) {
            refuse(pull, narinfo.error().message);
            continue;
        }
        pulls.push_back(pull);
        pulled.push_back({pull->key.cache, pull->upstream(), std::move(*narinfo)});
    }
    if (!pulls.empty()) store(pulls, pulled);
}

void Upstreams::refuse(const PullPtr& pull, const std::string& reason) {
    Answers out;
    {
        const std::lock_guard lock(mutex_);
        health_.refused(pull->upstream(), pull->key.hash.to_string(), reason);
        ask_next_upstream(pull, true, out);
    }
    deliver(std::move(out));
}

// Whoever waits gets what the database has then: another server may have been faster, with another
// signature.
void Upstreams::store(const Pulls& pulls, const std::vector<PulledNarinfo>& pulled) {
    const bool stored =
        on_connection([&](db::Connection& connection) { store_pulled(connection, pulled); });
    Answers waiting;
    Answers out;
    {
        const std::lock_guard lock(mutex_);
        fetching_ -= pulls.size();
        for (const auto& pull : pulls) {
            if (stored) health_.found(pull->upstream());
            end(pull, unavailable(), waiting);
        }
        begin_fetches(out);
    }
    deliver(std::move(out));
    if (!stored) return deliver(std::move(waiting));
    std::vector<Lookup> again;
    again.reserve(waiting.size());
    for (auto& [lookup, answer] : waiting) again.push_back(std::move(lookup));
    options_.look_up(again);
}

void Upstreams::give_up(const Pulls& pulls) {
    Answers out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& pull : pulls) end(pull, unavailable(), out);
    }
    deliver(std::move(out));
}

// False when the database failed; the next job gets another connection.
bool Upstreams::on_connection(const Job& job) {
    const bool kept = connection_ != nullptr;
    try {
        job(connection());
        return true;
    } catch (const db::Unavailable& error) {
        drop_connection();
        // It may have broken while nobody used it. A job that was cut off has committed nothing.
        if (kept) return on_connection(job);
        log_failure(error.what());
    } catch (const std::exception& error) {
        drop_connection();
        log_failure(error.what());
    }
    return false;
}

db::Connection& Upstreams::connection() {
    if (!connection_) {
        auto fresh = std::make_unique<db::Connection>(options_.uri, db::Session::publishing);
        const std::lock_guard lock(mutex_);
        connection_ = std::move(fresh);
        if (stopping_) connection_->interrupt();
    }
    return *connection_;
}

void Upstreams::drop_connection() {
    const std::lock_guard lock(mutex_);
    connection_.reset();
}

void Upstreams::log_failure(const std::string& reason) {
    if (!database_log_.may_log()) return;
    log_warn("event=pull_failed reason={}", log_text(reason));
}

}  // namespace narthex::service
