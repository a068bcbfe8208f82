#include "narthex/service/uplink.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace narthex::service {

namespace {

constexpr std::chrono::milliseconds k_turn(500);
constexpr std::chrono::seconds k_look_interval(1);
constexpr std::chrono::seconds k_report_interval(1);
// For each call. Longer, and what it says of the clock is of little use.
constexpr std::chrono::seconds k_limit(2);
constexpr std::chrono::milliseconds k_first_pause(250);
constexpr std::chrono::milliseconds k_longest_pause(4000);

}  // namespace

std::string trouble_of(
    const std::optional<db::SubscriptionState>& subscription, int version, int primarys
) {
    if (!subscription) return "there is no subscription: run 'narthex replica join' again";
    if (primarys > version) {
        return fmt::format(
            "the schema is version {} here and {} on the primary: run 'narthex migrate' of the "
            "newer "
            "narthex here",
            version,
            primarys
        );
    }
    if (!subscription->enabled) {
        return "the subscription is switched off: 'narthex migrate' here switches it on again";
    }
    if (subscription->not_ready > 0) {
        return fmt::format("{} tables are still being copied", subscription->not_ready);
    }
    if (!subscription->applying) {
        return "the apply worker doesn't run: PostgreSQL's log says why, or it can't reach the "
               "primary";
    }
    return {};
}

Uplink::Uplink(
    std::string uri,
    InstanceWatch& watch,
    std::function<void(const std::string& primary)> on_primary
)
    : uri_(std::move(uri)), watch_(watch), on_primary_(std::move(on_primary)) {
    thread_ = std::thread([this] { run(); });
}

Uplink::~Uplink() {
    stop();
    thread_.join();
}

void Uplink::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (here_) here_->interrupt();
    if (primary_) primary_->interrupt();
    wake_.notify_all();
}

std::string Uplink::primary() const {
    const std::lock_guard lock(mutex_);
    return primary_uri_;
}

Uplink::Figures Uplink::figures() const {
    const std::lock_guard lock(mutex_);
    return figures_;
}

void Uplink::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        turn();
        lock.lock();
        wake_.wait_for(lock, k_turn, [this] { return stopping_; });
    }
}

void Uplink::turn() {
    const auto role = watch_.instance()->role;
    if (role != db::InstanceRole::region && role != db::InstanceRole::joining) {
        use_primary("");
        return;
    }
    const auto now = Clock::now();
    if (now - looked_at_ >= k_look_interval) look_here();
    if (primary_uri_.empty() || now < retry_at_) return;
    try {
        talk();
        pause_ = k_first_pause;
    } catch (const std::exception& error) {
        lost(error.what());
    }
}

// Another primary is followed, or the subscription's password is another one: that needs no
// restart.
void Uplink::look_here() {
    try {
        if (!here_) {
            auto fresh = std::make_unique<db::Connection>(uri_, db::Session::serving);
            const std::lock_guard lock(mutex_);
            here_ = std::move(fresh);
            if (stopping_) here_->interrupt();
        }
        std::optional<std::string> uri;
        std::optional<db::SubscriptionState> state;
        here_->read([&](db::Tx& tx) {
            version_ = db::schema_version(tx);
            state = db::subscription_state(tx);
            uri = db::subscription_uri(tx);
        });
        looked_at_ = Clock::now();
        use_primary(uri && db::check_uri(*uri) ? *uri : "");
        const std::lock_guard lock(mutex_);
        figures_.subscription = state;
        figures_.trouble = trouble_of(state, version_, primary_version());
    } catch (const std::exception& error) {
        log_debug("event=subscription_not_read reason={}", log_text(error.what()));
        const std::lock_guard lock(mutex_);
        here_.reset();
    }
}

// Its heartbeat may be behind what the apply worker can't take.
int Uplink::primary_version() const {
    const auto heartbeat = watch_.heartbeat();
    return std::max(heartbeat ? heartbeat->schema_version : 0, primary_version_);
}

void Uplink::use_primary(const std::string& uri) {
    {
        const std::lock_guard lock(mutex_);
        if (primary_uri_ == uri) return;
        primary_uri_ = uri;
        primary_.reset();
        figures_ = {};
    }
    watch_.forget_clock();
    primary_version_ = 0;
    retry_at_ = {};
    pause_ = k_first_pause;
    on_primary_(uri);
}

void Uplink::talk() {
    if (!primary_) connect();
    const auto asked = Clock::now();
    const auto said = primary_->ask_clock();
    watch_.saw_clock(asked, said);
    if (asked - reported_at_ < k_report_interval) return;
    primary_version_ = primary_->ask_schema_version();
    report(*watch_.instance());
    reported_at_ = asked;
}

void Uplink::connect() {
    auto fresh = std::make_unique<db::PrimaryConnection>(primary_uri_, k_limit);
    {
        const std::lock_guard lock(mutex_);
        primary_ = std::move(fresh);
        if (stopping_) primary_->interrupt();
        figures_.connected = true;
    }
    log_info("event=uplink_connected primary={}", db::describe_address(primary_uri_));
    told_lost_ = false;
}

void Uplink::report(const db::Instance& instance) {
    const auto figures = this->figures();
    primary_->report(
        {instance.epoch,
         version_,
         watch_.heartbeat(),
         figures.subscription ? figures.subscription->errors : 0,
         figures.trouble}
    );
}

void Uplink::lost(const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        primary_.reset();
        figures_.connected = false;
        if (stopping_) return;
    }
    if (!told_lost_) log_warn("event=uplink_lost reason={}", log_text(reason));
    told_lost_ = true;
    pause_ = std::min(pause_ * 2, k_longest_pause);
    retry_at_ = Clock::now() + pause_;
}

}  // namespace narthex::service
