#include "narthex/service/primary_lookups.hpp"

#include <algorithm>
#include <iterator>

namespace narthex::service {

namespace {

using Status = LookupAnswer::Status;
using Clock = std::chrono::steady_clock;

// Waiting in the queue included.
constexpr std::chrono::milliseconds k_limit(1500);

// Whether it takes the primary to say that it is absent or hidden. Of a NAR it always does: a
// client may have a narinfo, from the primary or another region, that was published within the two
// seconds that this one may be behind, and its build ends with the NAR's 404.
bool is_miss(const Answered& answered, bool absences_count) {
    const bool is_nar = std::holds_alternative<NarKey>(answered.lookup.key);
    const auto status = answered.answer.status;
    return (is_nar || !absences_count) && (status == Status::absent || status == Status::hidden);
}

// Takes the misses out of `answers`.
std::vector<Lookup> take_misses(std::vector<Answered>& answers, bool absences_count) {
    const auto misses =
        std::stable_partition(answers.begin(), answers.end(), [&](const Answered& each) {
            return !is_miss(each, absences_count);
        });
    const auto latest = Clock::now() + k_limit;
    std::vector<Lookup> lookups;
    for (auto at = misses; at != answers.end(); ++at) {
        at->lookup.deadline = std::min(at->lookup.deadline, latest);
        lookups.push_back(std::move(at->lookup));
    }
    answers.erase(misses, answers.end());
    return lookups;
}

}  // namespace

PrimaryLookups::PrimaryLookups(const InstanceWatch& watch, Render render)
    : watch_(watch), render_(std::move(render)) {}

PrimaryLookups::~PrimaryLookups() {
    ask_at("");
}

void PrimaryLookups::ask_at(const std::string& uri) {
    auto fresh = uri.empty() ? nullptr : std::make_unique<Lookups>(options_for(uri));
    {
        const std::lock_guard lock(mutex_);
        lookups_.swap(fresh);
        if (stopping_ && lookups_) lookups_->stop();
    }
    // The last one ends here, without the mutex.
}

void PrimaryLookups::stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (lookups_) lookups_->stop();
}

LookupOptions PrimaryLookups::options_for(const std::string& uri) {
    LookupOptions options;
    options.uri = uri;
    options.name = "primary";
    options.connections = 1;
    options.statement_limit = k_limit;
    options.of_primary = true;
    options.render = render_;
    options.pull = [this](std::vector<Answered>& answers, bool) { took(answers); };
    return options;
}

void PrimaryLookups::take(std::vector<Answered>& answers, bool absences_count) {
    if (!watch_.serves()) {
        for (auto& each : answers) each.answer = {Status::unavailable, nullptr, {}};
        return;
    }
    const bool is_region = watch_.instance()->role == db::InstanceRole::region;
    if (absences_count && !is_region) return;
    auto misses = take_misses(answers, absences_count);
    if (misses.empty()) return;
    asked_ += misses.size();
    ask(misses);
}

// With the mutex, so that the last one never ends on this thread, which would wait for its threads.
void PrimaryLookups::ask(std::vector<Lookup>& misses) {
    const std::lock_guard lock(mutex_);
    if (lookups_) return lookups_->submit(misses);
    give_up(misses);
}

// What the primary says holds for this moment: nothing tells this region of its changes.
void PrimaryLookups::took(std::vector<Answered>& answers) {
    for (auto& [lookup, answer] : answers) {
        answer.lasting = false;
        if (answer.status == Status::found) ++found_;
        if (answer.status == Status::hidden) ++hidden_;
        if (answer.status == Status::absent) ++absent_;
    }
}

PrimaryLookups::Figures PrimaryLookups::figures() const {
    return {asked_, found_, hidden_, absent_};
}

}  // namespace narthex::service
