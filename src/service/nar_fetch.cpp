#include "narthex/service/nar_fetch.hpp"

#include "narthex/core/cache.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/core/nar_url.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace narthex::service {

WantedNar wanted_nar(
    const db::Instance& instance,
    const KeptNars& kept,
    const std::string& cache,
    const std::string& nar,
    const db::NarFacts& facts
) {
    auto url = instance.primary_url.value_or("");
    url.resize(url.find_last_not_of('/') + 1);
    if (cache != k_default_cache) url += '/' + cache;
    url += '/' + nar_target(nar);
    std::vector<std::string> fields{"Narthex-Instance: " + instance.id};
    if (instance.token) fields.push_back("Authorization: Bearer " + *instance.token);
    return {std::move(url), std::move(fields), kept.path_of(cache, nar), facts};
}

// What all of them work with and count.
struct NarFetch::Shared {
    Shared(const KeptNars& directory, Exchanges& to_primary, NarFetches::Disk run)
        : kept(directory), exchanges(to_primary), disk(std::move(run)) {}

    void log(const char* event, std::string_view url, std::string_view reason) {
        const std::lock_guard lock(mutex);
        if (!log_limit.may_log()) return;
        log_warn("event={} url={} reason={}", event, log_text(url), log_text(reason));
    }

    const KeptNars& kept;
    Exchanges& exchanges;
    NarFetches::Disk disk;
    std::atomic<std::uint64_t> kept_count = 0;
    std::atomic<std::uint64_t> bytes = 0;
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<std::uint64_t> failed = 0;
    std::atomic<std::uint64_t> unkept = 0;
    std::mutex mutex;
    LogLimit log_limit;
};

NarFetch::NarFetch(std::shared_ptr<Shared> shared, WantedNar nar)
    : shared_(std::move(shared)), nar_(std::move(nar)) {}

// Removing a large file takes a while, and this may be a network thread.
NarFetch::~NarFetch() {
    if (exchange_) exchange_->cancel();
    if (file_) shared_->disk([file = std::shared_ptr<IncomingKept>(std::move(file_))] {});
}

NarFetch::Standing NarFetch::standing() const {
    const std::lock_guard lock(mutex_);
    return {state_, size_, readable()};
}

// With the mutex held.
std::uint64_t NarFetch::readable() const {
    if (state_ == State::kept) return size_;
    if (state_ != State::coming || size_ == 0) return 0;
    return std::min(written_, size_ - 1);
}

std::string NarFetch::read(std::uint64_t offset, std::size_t most) const {
    const auto there = standing().readable;
    if (offset >= there) return {};
    return file_->read(offset, std::min<std::size_t>(most, there - offset));
}

// --- who waits ---

bool NarFetch::is_due(const Waiting& waiting) const {
    if (state_ == State::asking) return false;
    return waiting.for_begin || state_ != State::coming || readable() > waiting.offset;
}

void NarFetch::when(std::uint64_t offset, std::function<void()> call, bool for_begin) {
    Waiting waiting{offset, std::move(call), for_begin};
    {
        const std::lock_guard lock(mutex_);
        if (!is_due(waiting)) {
            waiting_.push_back(std::move(waiting));
            return;
        }
    }
    waiting.call();
}

void NarFetch::tell() {
    std::vector<Waiting> due;
    {
        const std::lock_guard lock(mutex_);
        const auto rest = std::ranges::stable_partition(waiting_, [this](const Waiting& waiting) {
            return !is_due(waiting);
        });
        std::move(rest.begin(), rest.end(), std::back_inserter(due));
        waiting_.erase(rest.begin(), rest.end());
    }
    for (const auto& waiting : due) waiting.call();
}

// --- how it comes: each step is begun by the one before it ---

// While it is asking, what is to be called back holds it; then, whoever wants it.
void NarFetch::start() {
    shared_->disk([self = shared_from_this()] {
        // Where there is no room, the primary needn't send it twice.
        if (self->nar_.facts.size && !self->make_room(*self->nar_.facts.size)) return;
        self->ask();
    });
}

// False when it has ended.
bool NarFetch::make_room(std::uint64_t size) {
    try {
        file_ = shared_->kept.receive(size);
        return true;
    } catch (const std::system_error& error) {
        ++shared_->unkept;
        end(State::unkept, error.what());
        return false;
    }
}

void NarFetch::ask() {
    ExchangeRequest request;
    request.url = nar_.url;
    request.fields = nar_.fields;
    const auto exchange = shared_->exchanges.start(
        std::move(request),
        [self = shared_from_this()](const auto& with, const auto& what) { self->begun(with, what); }
    );
    if (!exchange) fail("too many NARs are fetched at once");
}

void NarFetch::begun(
    const std::shared_ptr<Exchange>& exchange, const std::variant<ExchangeHead, ExchangeFault>& what
) {
    exchange_ = exchange;
    shared_->disk([self = shared_from_this(), what] {
        if (const auto* fault = std::get_if<ExchangeFault>(&what)) {
            return self->fail(fault->reason);
        }
        self->receive(std::get<ExchangeHead>(what));
    });
}

void NarFetch::receive(const ExchangeHead& head) {
    if (head.status == 404) return end(State::absent, "the primary has none");
    if (head.status != 200) return fail(fmt::format("answered {}", head.status));
    const auto size = head.length();
    if (!size) return fail("answered without a Content-Length");
    if (nar_.facts.size.value_or(*size) != *size) {
        ++shared_->refused;
        return end(State::refused, fmt::format("has {} bytes, not {}", *size, *nar_.facts.size));
    }
    if (!file_ && !make_room(*size)) return;
    {
        const std::lock_guard lock(mutex_);
        size_ = *size;
        state_ = State::coming;
    }
    tell();
    go_on();
}

void NarFetch::go_on() {
    exchange_->next([weak = weak_from_this(), shared = shared_](std::optional<std::string> piece) {
        shared->disk([weak, piece = std::move(piece)] {
            if (const auto self = weak.lock()) self->take(piece);
        });
    });
}

void NarFetch::take(const std::optional<std::string>& piece) {
    if (!piece) return fail("broke off");
    if (piece->empty()) return finish();
    try {
        file_->write(*piece);
    } catch (const std::system_error& error) {
        return fail(error.what());
    }
    {
        const std::lock_guard lock(mutex_);
        written_ += piece->size();
    }
    tell();
    go_on();
}

void NarFetch::finish() {
    exchange_.reset();  // whoever reads from the disk needs no place among the exchanges
    const auto hash = file_->hash();
    // Without a hash in its narinfo its size has to do: NarHash is of what is compressed here.
    if (file_->size() != size_ || nar_.facts.hash.value_or(hash) != hash) {
        ++shared_->refused;
        return end(State::refused, fmt::format("has the hash {}, not FileHash", hash.to_nix()));
    }
    try {
        file_->keep(nar_.path);
    } catch (const std::system_error& error) {
        // It is whole and right all the same.
        shared_->log("nar_unkept", nar_.url, error.what());
    }
    ++shared_->kept_count;
    shared_->bytes += size_;
    {
        const std::lock_guard lock(mutex_);
        state_ = State::kept;
    }
    tell();
}

void NarFetch::fail(std::string_view reason) {
    ++shared_->failed;
    end(State::failed, reason);
}

void NarFetch::end(State state, std::string_view reason) {
    shared_->log(state == State::unkept ? "nar_unkept" : "nar_fetch_failed", nar_.url, reason);
    if (exchange_) exchange_->cancel();
    exchange_.reset();
    {
        const std::lock_guard lock(mutex_);
        state_ = state;
    }
    tell();
}

NarFetches::NarFetches(const KeptNars& kept, Exchanges& exchanges, Disk disk)
    : shared_(std::make_shared<NarFetch::Shared>(kept, exchanges, std::move(disk))) {}

std::shared_ptr<NarFetch> NarFetches::fetch(WantedNar nar) {
    const std::lock_guard lock(mutex_);
    std::erase_if(under_way_, [](const auto& each) { return each.second.expired(); });
    auto& known = under_way_[nar.path];
    if (auto same = known.lock()) {
        const auto& facts = same->nar_.facts;
        const bool is_same = facts.size == nar.facts.size && facts.hash == nar.facts.hash;
        if (is_same && same->standing().state <= NarFetch::State::kept) return same;
    }
    std::shared_ptr<NarFetch> fresh(new NarFetch(shared_, std::move(nar)));
    known = fresh;
    fresh->start();
    return fresh;
}

NarFetches::Figures NarFetches::figures() const {
    const auto& s = *shared_;
    return {s.kept_count, s.bytes, s.refused, s.failed, s.unkept};
}

}  // namespace narthex::service
