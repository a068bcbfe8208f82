#include "policy_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

namespace narthex::app {

namespace {

toml::table parse(const std::string& file) {
    try {
        return toml::parse_file(file);
    } catch (const toml::parse_error& error) {
        const auto line = error.source().begin.line;
        throw UsageError(fmt::format("{}:{}: {}", file, line, error.description()));
    }
}

// Absent for what no flag takes.
std::optional<std::string> text_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    if (const auto number = node.value_exact<double>()) return fmt::format("{}", *number);
    if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
    return std::nullopt;
}

}  // namespace

void apply_policy(
    Command command, const std::string& file, std::span<const std::string_view> known
) {
    for (const auto& [key, node] : parse(file)) {
        const auto at = fmt::format("{}:{}", file, node.source().begin.line);
        if (std::ranges::find(known, key.str()) == known.end()) {
            throw UsageError(fmt::format(
                "{}: there is no key {}; there are {}", at, key.str(), fmt::join(known, ", ")
            ));
        }
        const auto value = text_of(node);
        if (!value) {
            throw UsageError(
                fmt::format("{}: {} is not a text, a number, true or false", at, key.str())
            );
        }
        try {
            const auto option = command.get_option("--" + std::string(key.str()));
            if (!option.given()) option.give(*value);
        } catch (const BadValue& error) {
            throw UsageError(fmt::format("{}: {}: {}", at, key.str(), error.what()));
        }
    }
}

}  // namespace narthex::app
