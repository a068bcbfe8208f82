// Kinds of settings, for the tables that settings() is made of. Layer app's own.
#pragma once

#include "narthex/app/config.hpp"

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace narthex::app {

inline constexpr std::uint64_t k_longest_age = 366 * 86'400;  // seconds

struct Range {
    std::uint64_t least;
    std::uint64_t most;
};

[[nodiscard]] Result<std::uint64_t> parse_number(const std::string& text, Range range);

// A number behind `at`, which returns a reference into the Config: an integer or a duration.
template <class At>
Setting number(const char* key, const char* value, const char* help, Range range, At at) {
    return {
        key,
        value,
        help,
        [range, at](Config& config, const std::string& text) -> Result<void> {
            const auto parsed = parse_number(text, range);
            if (!parsed) return parsed.error();
            using T = std::remove_reference_t<decltype(at(config))>;
            at(config) = static_cast<T>(*parsed);
            return {};
        },
        [at](const Config& config) {
            auto copy = config;
            const auto current = at(copy);
            if constexpr (requires { current.count(); }) {
                return std::to_string(current.count());
            } else {
                return std::to_string(current);
            }
        },
    };
}

template <class At>
Setting text(const char* key, const char* value, const char* help, At at) {
    return {
        key,
        value,
        help,
        [at](Config& config, const std::string& given) -> Result<void> {
            at(config) = given;
            return {};
        },
        [at](const Config& config) {
            auto copy = config;
            return at(copy);
        },
    };
}

// true or false. `value`: what the help calls it; "" for a flag that turns it on.
template <class At>
Setting boolean(const char* key, const char* value, const char* help, At at) {
    return {
        key,
        value,
        help,
        [at](Config& config, const std::string& given) -> Result<void> {
            if (given != "true" && given != "false") {
                return Error{"\"" + given + "\" is not true or false"};
            }
            at(config) = given == "true";
            return {};
        },
        [at](const Config& config) -> std::string {
            auto copy = config;
            return at(copy) ? "true" : "false";
        },
    };
}

// Where a server listens.
[[nodiscard]] std::vector<Setting> address_settings();

// What bulk requests and upstreams need.
[[nodiscard]] std::vector<Setting> bulk_settings();

// What clients are held to.
[[nodiscard]] std::vector<Setting> client_settings();

// What counting requests and leasing need.
[[nodiscard]] std::vector<Setting> count_settings();

// What an instance among others needs.
[[nodiscard]] std::vector<Setting> instance_settings();

// What lookups and what keeps their answers need.
[[nodiscard]] std::vector<Setting> lookup_settings();

// What a region needs.
[[nodiscard]] std::vector<Setting> region_settings();

// What taking uploads needs.
[[nodiscard]] std::vector<Setting> upload_settings();

}  // namespace narthex::app
