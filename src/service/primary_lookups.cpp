#include "narthex/service/primary_lookups.hpp"

#include <algorithm>
#include <iterator>

namespace narthex::service {

namespace {

using Status = LookupAnswer::Status;
using Clock = std::chrono::steady_clock;

// Waiting in the queue included.
constexpr std::chrono::milliseconds k_limit(1500);

bool is_miss(const Answered& answered) {
    const bool is_path = std::holds_alternative<PathKey>(answered.lookup.key);
    const auto status = answered.answer.status;
    return is_path && (status == Status::absent || status == Status::hidden);
}

void make_unavailable(Answered& answered) {
    answered.answer = {Status::unavailable, nullptr, {}};
}

// Takes the misses out of `answers`.
std::vector<Lookup> take_misses(std::vector<Answered>& answers) {
    const auto misses = std::stable_partition(
        answers.begin(), answers.end(), [](const Answered& each) { return !is_miss(each); }
    );
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
    auto fresh = uri.empty() ? nullptr : std::make_shared<Lookups>(options_for(uri));
    {
        const std::lock_guard lock(mutex_);
        lookups_.swap(fresh);
    }
    // The last one ends here, without the mutex.
}

LookupOptions PrimaryLookups::options_for(const std::string& uri) {
    LookupOptions options;
    options.uri = uri;
    options.name = "primary";
    options.connections = 1;
    options.statement_limit = k_limit;
    options.render = render_;
    options.pull = [this](std::vector<Answered>& answers, bool) { took(answers); };
    return options;
}

void PrimaryLookups::take(std::vector<Answered>& answers, bool absences_count) {
    if (!watch_.serves()) {
        for (auto& each : answers) make_unavailable(each);
        return;
    }
    if (absences_count) return;
    std::shared_ptr<Lookups> primary;
    {
        const std::lock_guard lock(mutex_);
        primary = lookups_;
    }
    if (primary) {
        auto misses = take_misses(answers);
        asked_ += misses.size();
        primary->submit(misses);
        return;
    }
    for (auto& each : answers) {
        if (!is_miss(each)) continue;
        ++asked_;
        make_unavailable(each);
    }
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
