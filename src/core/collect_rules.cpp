#include "narthex/core/collect_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace narthex {

namespace {

constexpr std::array<std::string_view, 6> k_states{
    "planned", "hiding", "hidden", "restored", "purging", "purged"};

std::string in_days(std::int64_t time) {
    constexpr std::int64_t k_hour = 3600;
    constexpr std::int64_t k_day = 24 * k_hour;
    if (time < k_day) return fmt::format("{} hours", time / k_hour);
    return fmt::format("{} days", time / k_day);
}

}  // namespace

PublishingLock lock_of(HideStep step) {
    switch (step) {
        case HideStep::write_rows:
        case HideStep::announce:
        case HideStep::recheck:
            return PublishingLock::none;
        case HideStep::barrier:
        case HideStep::flip:
            break;
    }
    return PublishingLock::alone;
}

PublishingLock lock_of(PurgeStep step) {
    return step == PurgeStep::recheck ? PublishingLock::shared : PublishingLock::alone;
}

PublishingLock lock_of(RestoreStep step) {
    return step == RestoreStep::rescue_reached ? PublishingLock::shared : PublishingLock::alone;
}

std::string_view to_string(PlanState state) {
    return k_states[static_cast<std::size_t>(state)];
}

PlanState parse_plan_state(std::string_view name) {
    const auto* const at = std::ranges::find(k_states, name);
    if (at == k_states.end()) throw std::invalid_argument("an unknown state of a plan");
    return static_cast<PlanState>(at - k_states.begin());
}

Result<HideAnswer> may_hide(const HideQuestion& question) {
    if (question.state == PlanState::hidden) return HideAnswer::hidden_already;
    if (question.state == PlanState::purging || question.state == PlanState::purged) {
        return Error{fmt::format(
            "plan {} is purged already: make another with 'narthex gc plan'", question.plan
        )};
    }
    if (question.age > k_oldest_plan && !question.forced.contains("old-plan")) {
        return Error{fmt::format(
            "plan {} is {} old: make another with 'narthex gc plan', or hide it all the same with "
            "--force-old-plan",
            question.plan,
            in_days(question.age)
        )};
    }
    for (const auto& [name, message] : question.objections) {
        if (question.forced.contains(name)) continue;
        return Error{fmt::format(
            "plan {}: {}; look at it with 'narthex gc show {}', and hide it all the same with "
            "--force-{}",
            question.plan,
            message,
            question.plan,
            name
        )};
    }
    return HideAnswer::hide;
}

Result<RestoreAnswer> may_restore(int plan, PlanState state) {
    switch (state) {
        case PlanState::planned:
        case PlanState::restored:
            return RestoreAnswer::nothing_to_do;
        case PlanState::hiding:
            return RestoreAnswer::forget_rows;
        case PlanState::hidden:
        case PlanState::purging:
            return RestoreAnswer::flip_back;
        case PlanState::purged:
            break;
    }
    return Error{fmt::format(
        "plan {} is purged: its narinfos are in the archive, but their NARs are gone; publish what "
        "is wanted again",
        plan
    )};
}

Result<PurgeAnswer> may_purge(const PurgeQuestion& question) {
    if (question.state == PlanState::purged) return PurgeAnswer::purged_already;
    if (question.state != PlanState::hidden && question.state != PlanState::purging) {
        return Error{fmt::format(
            "plan {} isn't hidden (it is {}): hide it first with 'narthex gc hide {}'",
            question.plan,
            to_string(question.state),
            question.plan
        )};
    }
    if (question.hidden_for < 0) {
        return Error{fmt::format(
            "plan {} was hidden in the future, says the database: its clock was wrong then, or is "
            "now; restore the plan and hide it again",
            question.plan
        )};
    }
    if (question.after < question.promised && !question.forced_early) {
        return Error{fmt::format(
            "clients may believe for {} what they were told: purging {} after hiding makes their "
            "downloads fail; do it all the same with --force-early",
            in_days(question.promised),
            in_days(question.after)
        )};
    }
    return question.hidden_for < question.after ? PurgeAnswer::not_due : PurgeAnswer::purge;
}

}  // namespace narthex
