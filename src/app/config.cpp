#include "narthex/app/config.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <thread>

namespace narthex::app {

namespace {

Result<void> set(
    LoadedConfig& loaded,
    const Setting& setting,
    const std::string& value,
    const std::string& origin
) {
    const auto done = setting.set(loaded.config, value);
    if (!done) {
        // A flag and a variable name the key themselves.
        const bool named = origin == setting.flag() || origin == setting.environment();
        const auto key = named ? "" : fmt::format("{}: ", setting.key);
        return Error{fmt::format("{}: {}{}", origin, key, done.error().message)};
    }
    loaded.origins[setting.key] = origin;
    return {};
}

// Absent for tables, for what isn't a text and the like.
std::optional<std::string> to_text(const toml::node& node, const Setting& setting) {
    if (const auto* list = node.as_array(); list != nullptr && setting.is_list) {
        std::string all;
        for (const auto& each : *list) {
            const auto text = each.value_exact<std::string>();
            if (!text) return std::nullopt;
            all += *text + '\n';
        }
        return all;
    }
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
    if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
    return std::nullopt;
}

Result<toml::table> parse_file(const std::string& path) {
    try {
        return toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        const auto line = error.source().begin.line;
        return Error{fmt::format("{}:{}: {}", path, line, error.description())};
    }
}

Result<void> apply_file(LoadedConfig& loaded, const std::string& path) {
    const auto table = parse_file(path);
    if (!table) return table.error();
    for (const auto& [key, node] : *table) {
        const auto origin = fmt::format("{}:{}", path, node.source().begin.line);
        const auto all = settings();
        const auto known = std::ranges::find_if(all, [&](const Setting& candidate) {
            return key.str() == candidate.key;
        });
        if (known == all.end()) {
            return Error{fmt::format(
                "{}: there is no key {}; 'narthex serve --help' lists them", origin, key.str()
            )};
        }
        const auto value = to_text(node, *known);
        if (!value) {
            return Error{fmt::format(
                "{}: {} is not a text, a whole number, true or false", origin, key.str()
            )};
        }
        if (auto done = set(loaded, *known, *value, origin); !done) return done;
    }
    return {};
}

std::string quoted(const std::string& value) {
    const bool bare =
        value == "true" || value == "false" ||
        (!value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; }));
    if (bare) return value;
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

std::string quoted_list(const std::string& lines) {
    std::string out;
    for (const auto& line : split_lines(lines)) out += (out.empty() ? "" : ", ") + quoted(line);
    return "[" + out + "]";
}

}  // namespace

std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
        const auto end = std::min(text.find('\n', start), text.size());
        if (end > start) lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

Config default_config() {
    Config config;
    // PostgreSQL wants the other half.
    config.server.threads = std::max(1U, std::thread::hardware_concurrency() / 2);
    return config;
}

Result<LoadedConfig> load_config(const ConfigSources& sources) {
    LoadedConfig loaded{default_config(), {}};
    for (const auto& each : settings()) loaded.origins[each.key] = "default";
    if (sources.file) {
        if (auto done = apply_file(loaded, *sources.file); !done) return done.error();
    }
    for (const auto& each : settings()) {
        const auto name = each.environment();
        const char* value = sources.environment(name.c_str());
        if (value == nullptr) continue;
        if (auto done = set(loaded, each, value, name); !done) return done.error();
    }
    for (const auto& [key, value] : sources.flags) {
        const auto& known = setting(key);
        if (auto done = set(loaded, known, value, known.flag()); !done) return done.error();
    }
    return loaded;
}

std::string render_config(const LoadedConfig& loaded) {
    std::string out;
    for (const auto& each : settings()) {
        const auto value = each.show(loaded.config);
        const auto shown = each.is_list ? quoted_list(value) : quoted(value);
        const auto line = fmt::format("{} = {}", each.key, shown);
        out += fmt::format("{:<44} # {}\n", line, loaded.origins.at(each.key));
    }
    return out;
}

std::string Setting::flag() const {
    return std::string("--") + key;
}

std::string Setting::environment() const {
    std::string name = "NARTHEX_";
    for (const char c : std::string_view(key)) {
        name += c == '-' ? '_' : static_cast<char>(c - 'a' + 'A');
    }
    return name;
}

const Setting& setting(std::string_view key) {
    for (const auto& candidate : settings()) {
        if (candidate.key == key) return candidate;
    }
    throw std::logic_error(fmt::format("there is no setting {}", key));
}

}  // namespace narthex::app
