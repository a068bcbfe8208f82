// What the commands that make a plan are told about it.
#pragma once

#include "narthex/app/commands.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/plan.hpp"

#include <string>

namespace narthex::app {

struct PlanFlags {
    service::PlanOptions options;
    std::string engine;  // empty: chosen by size
    double cap = 80;     // percent, as the two below
    double shrink = 20;
    double unresolved = 1;
};

// `flags` lives as long as the command line's reading.
void add_plan_flags(Command command, PlanFlags& flags);

[[nodiscard]] service::PlanOptions options_of(const PlanFlags& flags, Cache cache);

// Shows how far it is. Throws Failure when it is interrupted.
[[nodiscard]] service::PlanReport make_plan(
    const std::string& database, const service::PlanOptions& options, Progress& progress
);

}  // namespace narthex::app
