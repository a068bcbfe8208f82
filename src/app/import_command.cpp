#include "narthex/app/arguments.hpp"
#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/progress.hpp"
#include "narthex/service/import.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace narthex::app {

namespace {

constexpr std::size_t k_shown_dangling = 20;

struct ImportFlags {
    std::vector<std::string> paths;
    std::string cache{k_default_cache};
    std::vector<std::string> trusted_keys;
    std::vector<std::string> authorized_keys;  // files
    std::vector<std::string> tags;
    std::string nar_dir;
    std::size_t rate = 0;            // 0: none was given
    std::size_t sort_memory = 1024;  // MiB
    bool closed = false;
    bool json = false;
    std::shared_ptr<SettingFlags> settings;
};

service::ImportOptions options_of(const ImportFlags& flags) {
    service::ImportOptions options;
    options.rate = flags.rate;
    options.sort_memory = flags.sort_memory << 20;
    options.closed = flags.closed;
    const char* temporary = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): before threads
    if (temporary != nullptr && *temporary != '\0') options.temporary_directory = temporary;
    for (const auto& text : flags.trusted_keys) {
        auto key = PublicKey::parse(text);
        if (!key) throw UsageError("--trusted-key: " + key.error().message);
        options.trusted_keys.nix.push_back(std::move(*key));
    }
    options.trusted_keys.guix = read_guix_keys(flags.authorized_keys);
    options.tags = parse_tags(flags.tags);
    if (!flags.nar_dir.empty()) {
        auto directory = service::NarDirectory::open(flags.nar_dir);
        if (!directory) throw UsageError("--nar-dir: " + directory.error().message);
        options.nar_directory = std::move(*directory);
    }
    return options;
}

std::string place_of(const service::Rejection& rejection) {
    const auto name = rejection.file == "-" ? "standard input" : rejection.file;
    return rejection.line == 0 ? name : fmt::format("{}:{}", name, rejection.line);
}

void print_summary(const Cache& cache, const service::ImportReport& report, double seconds) {
    fmt::print(
        "{} into cache {} in {:.1f} s\n",
        report.interrupted ? "interrupted: imported so far" : "imported",
        cache.name,
        seconds
    );
    fmt::print("  new            {:>10}\n", report.added);
    fmt::print("  already there  {:>10}\n", report.present);
    fmt::print("  conflicting    {:>10}\n", report.conflicts);
    fmt::print("  rejected       {:>10}\n", report.rejected);
    fmt::print("  dangling       {:>10}", report.dangling.size());
    fmt::print(
        "{}\n",
        report.dangling.empty() ? "" : "  (the new ones refer to them, the cache lacks them)"
    );
    if (report.parts > 1) {
        fmt::print(
            "  in parts       {:>10}  (--sort-memory; references ordered in each)\n", report.parts
        );
    }
    for (std::size_t i = 0; i < std::min(k_shown_dangling, report.dangling.size()); ++i) {
        fmt::print("    {}/{}-...\n", cache.store_dir, report.dangling[i].to_string());
    }
    if (report.dangling.size() > k_shown_dangling) fmt::print("    ...\n");
}

void print_json(
    const ImportFlags& flags,
    const service::ImportReport& report,
    const nlohmann::json& rejections,
    double seconds
) {
    auto dangling = nlohmann::json::array();
    for (const auto& hash : report.dangling) dangling.push_back(hash.to_string());
    const nlohmann::json out = {
        {"cache", flags.cache},
        {"new", report.added},
        {"already_there", report.present},
        {"conflicting", report.conflicts},
        {"rejected", report.rejected},
        {"rejections", rejections},
        {"dangling", dangling},
        {"interrupted", report.interrupted},
        {"order", {{"parts", report.parts}, {"bytes", report.order_memory}}},
        {"seconds", seconds},
    };
    // A file's name may hold any bytes.
    fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

ProgressState state_of(
    const service::ImportProgress& step, const std::optional<std::uint64_t>& input_bytes
) {
    switch (step.phase) {
        case service::ImportPhase::reading:
            return {"reading", step.narinfos, step.bytes, input_bytes};
        case service::ImportPhase::ordering:
            return {"ordering", step.narinfos, 0, std::nullopt};
        case service::ImportPhase::storing:
            return {"storing", step.narinfos, step.bytes, step.total_bytes};
    }
    return {};
}

struct Outcome {
    service::ImportReport report;
    nlohmann::json rejections = nlohmann::json::array();
    std::string failure;  // not empty: it ended early, the report is of what was stored till then
};

// What was stored before the database went away stays, so it is reported like a whole import.
Outcome run_import(
    const std::string& database,
    const ImportFlags& flags,
    const service::ImportOptions& options,
    Progress& progress
) {
    Outcome outcome;
    service::NarinfoSource source(flags.paths, &interrupted());
    const auto total = progress.wanted() ? source.total_bytes() : std::nullopt;
    service::ImportEvents events;
    events.stop = &interrupted();
    events.rejected = [&](const service::Rejection& rejection) {
        progress.clear();
        fmt::print(stderr, "{}: {}\n", place_of(rejection), rejection.reason);
        if (!flags.json) return;
        outcome.rejections.push_back(
            {{"file", rejection.file}, {"line", rejection.line}, {"reason", rejection.reason}}
        );
    };
    events.batch_stored = [&](const service::ImportReport& so_far) { outcome.report = so_far; };
    events.progress = [&](const service::ImportProgress& step) {
        progress.show(state_of(step, total));
    };
    try {
        outcome.report = service::import_narinfos(database, source, options, events);
    } catch (const service::TooManyToOrder& error) {
        throw Failure(error.what());
    } catch (const std::runtime_error& error) {
        outcome.report.interrupted = true;
        outcome.failure = error.what();
    }
    progress.clear();
    return outcome;
}

int import_command(const ImportFlags& flags) {
    auto options = options_of(flags);
    const auto loaded = load(*flags.settings);
    const auto database = open_database(loaded.config);
    if (database.cluster) {
        // As root, narthex serves as another user: what that one can't read would be 503s.
        options.why_unreadable = [&cluster = *database.cluster](const std::filesystem::path& file) {
            return cluster.why_unreadable(file);
        };
    }
    options.cache = find_cache(database.uri, flags.cache);
    if (auto good = check_publishable(options.cache); !good) throw Failure(good.error().message);
    Progress progress;
    const auto outcome = run_import(database.uri, flags, options, progress);
    const auto& report = outcome.report;
    const auto seconds = progress.elapsed().count();
    if (flags.json) {
        print_json(flags, report, outcome.rejections, seconds);
    } else {
        print_summary(options.cache, report, seconds);
    }
    if (!outcome.failure.empty()) {
        throw Failure(outcome.failure + "; run the import again: what is stored is skipped");
    }
    return report.rejected + report.conflicts > 0 || report.interrupted ? 1 : 0;
}

}  // namespace

void add_import(Command app, Action& action) {
    const auto command = app.add_subcommand("import", "bring narinfos into a cache");
    auto flags = std::make_shared<ImportFlags>();
    flags->settings = add_setting_flags(command, k_database_keys);
    command
        .add_option(
            "PATH",
            flags->paths,
            "*.narinfo files; directories, searched for them; other files or '-': narinfos "
            "separated by empty lines; *.zst is decompressed"
        )
        .required();
    command.add_option("--cache", flags->cache, "the cache [default]").type_name("NAME");
    command
        .add_option(
            "--trusted-key",
            flags->trusted_keys,
            "NAME:BASE64 of a public key; given once or more, every narinfo must be signed by one "
            "of them or of the cache's own"
        )
        .one_value_each()
        .type_name("KEY");
    command
        .add_option(
            "--authorized-key",
            flags->authorized_keys,
            "a file with Guix's public key or acl; as --trusted-key, for Signature lines"
        )
        .one_value_each()
        .type_name("FILE");
    command
        .add_option(
            "--tag",
            flags->tags,
            "a note on every path that is stored or was there already; repeatable. 'narthex path "
            "list --tag' finds them"
        )
        .one_value_each()
        .type_name("KEY=VALUE");
    command
        .add_option(
            "--nar-dir",
            flags->nar_dir,
            "where the NARs of these narinfos are, readable for whoever serves; narinfos whose NAR "
            "is not there, or not readable for the data directory's owner, are rejected"
        )
        .type_name("DIR");
    command
        .add_option(
            "--rate",
            flags->rate,
            "narinfos a second, at most: leaves those alone who read from the same database"
        )
        .between(1, 1'000'000)
        .type_name("N");
    command
        .add_option(
            "--sort-memory",
            flags->sort_memory,
            "MiB that the order of references may take [1024]; larger imports are ordered in parts"
        )
        .between(1, 1'048'576)
        .type_name("MIB");
    command.add_flag(
        "--closed",
        flags->closed,
        "reject narinfos whose references are neither served nor imported with them"
    );
    command.add_flag("--json", flags->json, "print a JSON summary");
    command.callback([&action, flags] { action = [flags] { return import_command(*flags); }; });
}

}  // namespace narthex::app
