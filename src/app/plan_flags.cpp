#include "plan_flags.hpp"

#include "keep_flags.hpp"

#include "narthex/app/arguments.hpp"
#include "narthex/app/caller.hpp"
#include "narthex/app/interrupt.hpp"

namespace narthex::app {

namespace {

void add_limits(Command command, PlanFlags& flags) {
    const auto add = [&](const char* flag, double& percent, const char* help) {
        command.add_option(flag, percent, help).type_name("PERCENT").percent();
    };
    add("--cap", flags.cap, "of the served paths, that may be planned [80]");
    add("--shrink", flags.shrink, "by which what lives may shrink since the last plan [20]");
    add("--unresolved", flags.unresolved, "of the rooted paths, that may be missing [1]");
}

}  // namespace

void add_plan_flags(Command command, PlanFlags& flags) {
    add_keep_flags(command, flags.options.keep);
    add_limits(command, flags);
    command.add_option("--engine", flags.engine, "sql or stream [by the size of the graph]")
        .type_name("ENGINE")
        .one_of({"sql", "stream"});
    command
        .add_option(
            "--stream-above",
            flags.options.stream_above,
            "paths above which the stream engine is chosen [1000000]"
        )
        .type_name("N");
    command
        .add_option(
            "--price-per-tb",
            flags.options.price_per_tb,
            "what 10^12 bytes cost a month, to say what is saved"
        )
        .type_name("X")
        .not_negative();
}

service::PlanOptions options_of(const PlanFlags& flags, Cache cache) {
    auto options = flags.options;
    options.cache = std::move(cache);
    options.created_by = caller_name();
    if (!flags.engine.empty()) options.engine = service::parse_engine(flags.engine);
    options.limits = {flags.cap / 100, flags.shrink / 100, flags.unresolved / 100};
    options.now = current_time();
    return options;
}

service::PlanReport make_plan(
    const std::string& database, const service::PlanOptions& options, Progress& progress
) {
    service::PlanEvents events;
    events.stop = &interrupted();
    events.progress = [&](std::string_view phase, std::uint64_t paths) {
        progress.show({phase, paths, 0, std::nullopt});
    };
    try {
        return service::make_plan(database, options, events);
    } catch (const db::Stopped&) {
        progress.clear();
        throw Failure("interrupted: no plan was made");
    }
}

}  // namespace narthex::app
