// The table of all settings: key, help, how a value is read and shown.
#include "setting_kinds.hpp"

#include "narthex/app/config.hpp"
#include "narthex/db/cluster.hpp"
#include "narthex/db/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace narthex::app {

Result<std::uint64_t> parse_number(const std::string& text, Range range) {
    std::uint64_t number = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == end;
    if (whole && number >= range.least && number <= range.most) return number;
    return Error{
        fmt::format("\"{}\" is not a whole number from {} to {}", text, range.least, range.most)};
}

namespace {

Result<void> set_log_level(Config& config, const std::string& given) {
    constexpr std::array k_levels = {"debug", "info", "warn", "error"};
    if (std::ranges::find(k_levels, given) == k_levels.end()) {
        return Error{fmt::format("\"{}\" is not one of debug, info, warn, error", given)};
    }
    config.log_level = given;
    return {};
}

Result<void> set_database(Config& config, const std::string& given) {
    if (!given.empty()) {
        if (auto good = db::check_uri(given); !good) return good;
    }
    config.database = given;
    return {};
}

std::string show_database(const Config& config) {
    return config.database.empty() ? "" : db::describe_address(config.database);
}

std::string show_data_dir(const Config& config) {
    if (!config.data_dir.empty()) return config.data_dir;
    try {
        return db::default_data_dir().string();
    } catch (const db::ClusterError&) {
        return "";  // a user without a home: fine as long as --database is given
    }
}

std::vector<Setting> database_settings() {
    auto database = text(
        "database",
        "URI",
        "PostgreSQL to use (postgresql://HOST/NAME); without, an own one below --data-dir",
        [](Config& config) -> std::string& { return config.database; }
    );
    database.set = set_database;
    database.show = show_database;
    auto data_dir = text(
        "data-dir",
        "DIR",
        "where narthex keeps its own PostgreSQL",
        [](Config& config) -> std::string& { return config.data_dir; }
    );
    data_dir.show = show_data_dir;
    return {std::move(database), std::move(data_dir)};
}

std::vector<Setting> log_settings() {
    return {
        boolean(
            "access-log",
            "",
            "log a line for each request",
            [](Config& config) -> bool& { return config.server.access_log; }
        ),
        {"log-level",
         "LEVEL",
         "debug, info, warn or error",
         set_log_level,
         [](const Config& config) { return config.log_level; }},
    };
}

// In this order in help texts.
std::vector<Setting> make_settings() {
    std::vector<Setting> all;
    for (const auto part :
         {database_settings,
          address_settings,
          lookup_settings,
          bulk_settings,
          client_settings,
          log_settings,
          count_settings,
          upload_settings,
          instance_settings,
          region_settings}) {
        std::ranges::move(part(), std::back_inserter(all));
    }
    return all;
}

}  // namespace

std::span<const Setting> settings() {
    static const auto all = make_settings();
    return all;
}

}  // namespace narthex::app
