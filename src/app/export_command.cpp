#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/export.hpp"
#include "narthex/service/export_file.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdio>

namespace narthex::app {

namespace {

constexpr std::size_t k_shown_missing = 20;

struct ExportFlags {
    std::string cache{k_default_cache};
    std::vector<std::string> closures;
    std::string file;
    bool zstd = false;
    bool hidden = false;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

// "/nix/store/<hash part>-<name>", or the hash part alone.
HashPart to_hash(const std::string& path, const Cache& cache) {
    if (auto hash = HashPart::parse(path)) return *hash;
    const auto parsed = StorePath::parse(path);
    if (!parsed) throw UsageError("--closure: " + path + ": " + parsed.error().message);
    if (parsed->store_dir != cache.store_dir) {
        throw UsageError(fmt::format(
            "--closure: {} isn't of cache {}, which holds {}", path, cache.name, cache.store_dir
        ));
    }
    return parsed->base.hash;
}

service::ExportOptions options_of(const ExportFlags& flags, Cache cache) {
    service::ExportOptions options{std::move(cache), {}, flags.hidden};
    for (const auto& path : flags.closures) {
        options.closures.push_back(to_hash(path, options.cache));
    }
    return options;
}

// Not where the narinfos go.
void print_summary(
    std::FILE* out,
    const service::ExportOptions& options,
    const service::ExportReport& report,
    double seconds
) {
    fmt::print(
        out,
        "exported {} narinfos, {} bytes, of cache {} in {:.1f} s\n",
        report.narinfos,
        report.bytes,
        options.cache.name,
        seconds
    );
    if (report.missing.empty()) return;
    fmt::print(
        out, "  missing  {:>10}  (needed by these paths, not served)\n", report.missing.size()
    );
    for (std::size_t i = 0; i < std::min(k_shown_missing, report.missing.size()); ++i) {
        fmt::print(out, "    {}/{}-...\n", options.cache.store_dir, report.missing[i].to_string());
    }
    if (report.missing.size() > k_shown_missing) fmt::print(out, "    ...\n");
}

void print_json(
    std::FILE* out,
    const service::ExportOptions& options,
    const service::ExportReport& report,
    double seconds
) {
    auto missing = nlohmann::json::array();
    for (const auto& hash : report.missing) missing.push_back(hash.to_string());
    const nlohmann::json summary = {
        {"cache", options.cache.name},
        {"narinfos", report.narinfos},
        {"bytes", report.bytes},
        {"missing", missing},
        {"seconds", seconds},
    };
    fmt::print(out, "{}\n", summary.dump());
}

service::ExportReport run_export(
    const std::string& database,
    const service::ExportOptions& options,
    service::ExportFile& file,
    Progress& progress
) {
    service::ExportEvents events;
    events.stop = &interrupted();
    events.progress = [&](const service::ExportProgress& step) {
        progress.show({"exporting", step.narinfos, step.paths, step.all_paths});
    };
    const auto write = [&](std::string_view bytes) { file.write(bytes); };
    auto report = service::export_narinfos(database, options, write, events);
    progress.clear();
    return report;
}

int export_command(const ExportFlags& flags) {
    const auto loaded = load(*flags.settings);
    const auto database = open_database(loaded.config);
    const auto options = options_of(flags, find_cache(database.uri, flags.cache));
    service::ExportFile file(flags.file, flags.zstd || flags.file.ends_with(".zst"));
    Progress progress;
    const auto report = run_export(database.uri, options, file, progress);
    if (report.interrupted) {
        throw Failure(
            file.is_standard_output() ? "interrupted: what was written isn't all"
                                      : "interrupted: " + flags.file + " was not made"
        );
    }
    file.finish();
    auto* out = file.is_standard_output() ? stderr : stdout;
    const auto seconds = progress.elapsed().count();
    (flags.json ? print_json : print_summary)(out, options, report, seconds);
    return report.missing.empty() ? 0 : 1;
}

}  // namespace

void add_export(Command app, Action& action) {
    const auto command = app.add_subcommand("export", "write out the narinfos of a cache");
    command.footer(
        "Narinfos are separated by empty lines, references before those who refer to them, each "
        "with "
        "the lines that were added to it: what 'narthex import' reads."
    );
    auto flags = std::make_shared<ExportFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command
        .add_option(
            "--closure",
            flags->closures,
            "a store path, or its hash part: what it needs alone, itself included; repeatable"
        )
        .one_value_each()
        .type_name("PATH");
    command
        .add_option(
            "-o,--output",
            flags->file,
            "a file, which is there when all is written [standard output]; *.zst is compressed"
        )
        .type_name("FILE");
    command.add_flag("--zstd", flags->zstd, "compress, whatever the file is called");
    command.add_flag("--hidden", flags->hidden, "those that are hidden, too");
    command.add_flag(
        "--json",
        flags->json,
        "print a JSON summary; on standard error when the narinfos are on standard output"
    );
    command.callback([&action, flags] { action = [flags] { return export_command(*flags); }; });
}

}  // namespace narthex::app
