#include "plan_text.hpp"

#include "narthex/app/byte_text.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace narthex::app {

namespace {

using Json = nlohmann::json;

constexpr std::size_t k_shown = 5;  // of each list

std::uint64_t number(const Json& object, const char* key) {
    return object.value(key, std::uint64_t{0});
}

void print_tally(const std::string& name, const Json& tally) {
    fmt::print(
        "  {:<20} {:>12} paths  {:>11} unpacked\n",
        name,
        number(tally, "paths"),
        byte_text(number(tally, "nar_size"))
    );
}

void print_totals(const Json& summary) {
    print_tally("would go", summary);
    const auto reasons = summary.value("by_reason", Json::object());
    for (const auto* reason : {"unreachable", "released"}) {
        print_tally(fmt::format("  {}", reason), reasons.value(reason, Json::object()));
    }
    print_tally("stay", summary.value("live", Json::object()));
    const auto hidden = summary.value("hidden", Json::object());
    if (number(hidden, "paths") > 0) print_tally("hidden before", hidden);
    fmt::print("  {:<20} {}", "files freed", byte_text(number(summary, "file_size")));
    if (summary.contains("saving_per_month")) {
        fmt::print(", {:.2f} a month", summary["saving_per_month"].get<double>());
    }
    fmt::print("\n");
}

void print_list(const Json& summary, const char* key, const char* title, const char* name) {
    const auto list = summary.value(key, Json::array());
    std::size_t shown = 0;
    for (const auto& each : list) {
        if (number(each, "paths") == 0) continue;
        if (shown == 0) fmt::print("{}\n", title);
        if (shown++ == k_shown) break;
        print_tally(each.value(name, ""), each);
    }
}

void print_paths(const Json& list, const char* title) {
    if (list.empty()) return;
    fmt::print("{}\n", title);
    for (std::size_t i = 0; i < std::min(k_shown, list.size()); ++i) {
        fmt::print(
            "  {:>11}  {}", byte_text(number(list[i], "nar_size")), list[i].value("store_path", "")
        );
        if (number(list[i], "requested") > 0) {
            fmt::print("  (asked for {} times)", number(list[i], "requested"));
        }
        fmt::print("\n");
    }
}

void print_seeds(const Json& summary) {
    fmt::print("what keeps paths\n");
    const auto seeds = summary.value("seeds", Json::object());
    for (const auto& [name, count] : seeds.items()) {
        fmt::print("  {:<20} {:>12} seeds\n", name, count.get<std::uint64_t>());
    }
}

void print_difference(const Json& summary) {
    const auto difference = summary.find("difference");
    if (difference == summary.end() || !difference->is_object()) return;
    fmt::print(
        "since plan {}: {} more, {} no longer\n",
        number(*difference, "plan"),
        number(*difference, "added"),
        number(*difference, "gone")
    );
}

void print_requested(const Json& summary) {
    const auto requested = summary.value("requested", Json::object());
    if (number(requested, "paths") == 0) return;
    const auto title = fmt::format(
        "asked for within {} days: {} of them, most often",
        number(requested, "days"),
        number(requested, "paths")
    );
    print_paths(requested.value("most", Json::array()), title.c_str());
}

void print_interlocks(const Json& summary) {
    const auto interlocks = summary.value("interlocks", Json::array());
    for (const auto& each : interlocks) {
        fmt::print("REFUSED ({}): {}\n", each.value("name", ""), each.value("message", ""));
    }
}

}  // namespace

void print_summary(const Json& summary) {
    print_totals(summary);
    print_seeds(summary);
    print_list(summary, "by_age", "by age", "age");
    print_list(summary, "by_tag", "by tag", "tag");
    print_list(summary, "by_name", "by name", "name");
    print_paths(summary.value("largest", Json::array()), "largest");
    print_requested(summary);
    print_difference(summary);
    print_interlocks(summary);
}

}  // namespace narthex::app
