#include "narthex/app/commands.hpp"

#include "narthex/app/interrupt.hpp"
#include "narthex/app/version.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace narthex::app {

namespace {

constexpr int k_failed = 1;
constexpr int k_usage = 2;

int fail(int code, const char* reason) {
    fmt::print(stderr, "narthex: {}\n", reason);
    return code;
}

void add_flag_of(Command command, const Setting& setting, SettingFlags& into) {
    const auto standard = setting.show(default_config());
    const auto help = fmt::format(
        "{} [{}{}]", setting.help, standard.empty() ? "" : standard + ", ", setting.environment()
    );
    const auto keep = [&into, key = std::string(setting.key)](const std::string& value) {
        into.flags[key] = value;
    };
    if (*setting.value == '\0') {
        command.add_flag_callback(
            setting.flag(), [keep] { keep("true"); }, help
        );
        return;
    }
    auto option = command.add_option_function(setting.flag(), keep, help).type_name(setting.value);
    if (setting.is_list) option.joined();
}

int call(const Action& action) {
    try {
        return action();
    } catch (const UsageError& error) {
        return fail(k_usage, error.what());
    } catch (const std::exception& error) {
        return fail(k_failed, error.what());
    }
}

}  // namespace

std::shared_ptr<SettingFlags> add_setting_flags(
    Command command, std::span<const std::string_view> keys
) {
    auto flags = std::make_shared<SettingFlags>();
    command.add_option("--config", flags->file, "TOML file with any of these keys")
        .type_name("FILE")
        .envname("NARTHEX_CONFIG");
    for (const auto& each : settings()) {
        const bool wanted = keys.empty() || std::ranges::find(keys, each.key) != keys.end();
        if (wanted) add_flag_of(command, each, *flags);
    }
    return flags;
}

LoadedConfig load(const SettingFlags& flags) {
    ConfigSources sources;
    if (!flags.file.empty()) sources.file = flags.file;
    sources.flags = flags.flags;
    sources.environment = [](const char* name) -> const char* { return std::getenv(name); };
    auto loaded = load_config(sources);
    if (!loaded) throw UsageError(loaded.error().message);
    return std::move(*loaded);
}

int run(int argc, char** argv) {
    CommandLine line(
        "A narinfo metadata server for Nix and Guix, backed by PostgreSQL.",
        "narthex",
        fmt::format("narthex {}", k_version)
    );
    const auto app = line.root();
    app.footer("'narthex COMMAND --help' says what a command does.");
    Action action;
    add_serve(app, action);
    add_import(app, action);
    add_export(app, action);
    add_cache(app, action);
    add_token(app, action);
    add_path(app, action);
    add_tag(app, action);
    add_root(app, action);
    add_channel(app, action);
    add_check(app, action);
    add_gc(app, action);
    add_closure(app, action);
    add_stats(app, action);
    add_replica(app, action);
    add_migrate(app, action);
    if (argc < 2) {
        fmt::print("{}", line.help());
        return k_usage;
    }
    const std::string first = argv[1];
    if (!first.starts_with('-') && !line.has_command(first)) {
        fmt::print(stderr, "narthex: there is no command {}; 'narthex --help' lists all\n", first);
        return k_usage;
    }
    catch_interrupts();
    if (const auto printed = line.parse(argc, argv)) return *printed ? 0 : k_usage;
    return call(action);
}

}  // namespace narthex::app
