#include "keep_flags.hpp"

#include "narthex/service/time_text.hpp"

namespace narthex::app {

namespace {

// "30d", "12h", or a number of days; in seconds.
std::int64_t parse(const std::string& text) {
    if (text == "0" || text == "0d") return 0;
    const bool days = text.find_first_not_of("0123456789") == text.npos;
    const auto seconds = service::parse_span(days ? text + "d" : text);
    if (!seconds) throw BadValue(seconds.error().message);
    return *seconds;
}

}  // namespace

void add_span(Command command, const char* flag, std::int64_t& seconds, const char* help) {
    command
        .add_option_function(
            flag, [&seconds](const std::string& text) { seconds = parse(text); }, help
        )
        .type_name("D");
}

void add_keep_flags(Command command, service::KeepPolicy& keep) {
    add_span(
        command,
        "--min-age",
        keep.min_age,
        "keep what came within this time: 30d, 12h, or days; 0: keep nothing for its age [30d]"
    );
    add_span(
        command,
        "--requested-within",
        keep.requested_within,
        "keep what was asked for within this time; 0: keep nothing for that [90d]"
    );
    command
        .add_option(
            "--keep-reference-free",
            keep.reference_free,
            "keep paths without references, sources most of all [true]"
        )
        .type_name("BOOL");
    command
        .add_option(
            "--keep-content-addressed",
            keep.content_addressed,
            "keep content-addressed paths [true]"
        )
        .type_name("BOOL");
}

}  // namespace narthex::app
