#include "serving.hpp"

#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/logging.hpp"
#include "narthex/app/version.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <thread>

namespace narthex::app {

namespace {

namespace asio = boost::asio;

// Below the five seconds that SIGTERM may take, and above what Serving::stop takes.
constexpr std::chrono::milliseconds k_stop_limit(4800);
constexpr std::chrono::milliseconds k_first_retry(200);
constexpr std::chrono::milliseconds k_longest_retry(5000);

struct ServeFlags {
    bool check_config = false;
    bool wait = false;
    std::shared_ptr<SettingFlags> settings;
};

// Connections are file descriptors: as many as the system allows.
void raise_file_limit(std::size_t connections) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= connections) return;
    service::log_warn(
        "event=few_file_descriptors limit={} max_connections={} hint=\"raise LimitNOFILE\"",
        limit.rlim_max,
        connections
    );
}

// libpq looks for certificates in the home directory, and fails where it may not look: root's is
// closed to whom clients are served as. To be called before there are threads.
void leave_roots_home(const OpenDatabase& database) {
    if (::geteuid() != 0 || !database.cluster) return;
    const auto* user = ::getpwuid(database.cluster->owner_uid());
    ::setenv("HOME", user != nullptr ? user->pw_dir : "/", 1);
}

// Root was needed to bind and to start PostgreSQL; clients are served as the data directory's
// owner, with its groups: they may be what lets it read the NARs.
void drop_root(const OpenDatabase& database) {
    if (::geteuid() != 0) return;
    if (!database.cluster) {
        service::log_warn("event=serving_as_root hint=\"start it as a user who may read the NARs\""
        );
        return;
    }
    const auto uid = database.cluster->owner_uid();
    const auto gid = database.cluster->owner_gid();
    const auto* user = ::getpwuid(uid);
    const bool grouped =
        user != nullptr ? ::initgroups(user->pw_name, gid) == 0 : ::setgroups(0, nullptr) == 0;
    if (!grouped || ::setgid(gid) != 0 || ::setuid(uid) != 0) {
        throw Failure(fmt::format("can't become user {} of the data directory", uid));
    }
}

// A part of a copy would deny what is yet to come.
void require_complete_copy(const OpenDatabase& database) {
    db::Connection connection(database.uri, db::Session::work);
    db::Instance instance;
    connection.read([&](db::Tx& tx) { instance = db::read_instance(tx); });
    if (instance.role != db::InstanceRole::joining) return;
    throw db::Unavailable(fmt::format(
        "the first copy of region {} isn't complete: 'narthex replica join' goes on with it",
        instance.name
    ));
}

// Absent when a signal came first.
std::optional<OpenDatabase> open_with_retries(
    const Config& config, bool wait, asio::io_context& main_thread
) {
    std::optional<db::RegionListener> listener;
    if (!config.regions.address.empty()) listener = config.regions;
    auto pause = k_first_retry;
    while (!main_thread.stopped()) {
        try {
            auto database = open_database(config, listener);
            require_complete_copy(database);
            return database;
        } catch (const db::Unavailable& error) {
            if (!wait) {
                throw Failure(fmt::format("{} (--wait goes on trying)", error.what()));
            }
            service::log_warn(
                "event=waiting_for_database retry_ms={} reason={}",
                pause.count(),
                log_text(error.what())
            );
        }
        main_thread.run_for(pause);
        pause = std::min(pause * 2, k_longest_retry);
    }
    return std::nullopt;
}

// Ends the program when stopping takes too long: something hangs that no signal reaches (a disk, a
// database host that has gone silent).
void guard_stop(std::chrono::milliseconds limit, int code) {
    std::thread([limit, code] {
        std::this_thread::sleep_for(limit);
        // Not by the logger, which may have ended by now.
        constexpr std::string_view k_line = "level=error event=stop_forced\n";
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, k_line.data(), k_line.size());
        std::_Exit(code);
    }).detach();
}

// Empty: nowhere.
std::string upload_directory(const Config& config, const OpenDatabase& database) {
    if (!config.upload_dir.empty()) return config.upload_dir;
    return database.cluster ? (database.cluster->data_dir() / "nars").string() : "";
}

int serve(const Config& config, const OpenDatabase& database, asio::io_context& main_thread) {
    std::atomic<bool> failed = false;
    const auto give_up = [&](const std::string& reason) {
        if (failed.exchange(true)) return;
        service::log_error("event=schema_mismatch reason={}", log_text(reason));
        asio::post(main_thread, [&] { main_thread.stop(); });
    };
    leave_roots_home(database);
    Serving serving(config, database, give_up);
    drop_root(database);
    const auto upload_dir = upload_directory(config, database);
    if (!upload_dir.empty()) serving.take_uploads(database.uri, upload_dir, config);
    serving.keep_nars(database.uri, config);
    serving.start();
    service::log_info(
        "event=listening address={} database={} version={}",
        serving.address(),
        log_text(db::describe_address(database.uri)),
        k_version
    );
    if (const auto admin = serving.admin_address(); !admin.empty()) {
        service::log_info("event=admin_listening address={}", admin);
    }
    main_thread.run();
    const int code = failed ? 1 : 0;
    guard_stop(k_stop_limit, code);
    serving.stop();
    return code;
}

int serve_command(const ServeFlags& flags) {
    const auto loaded = load(*flags.settings);
    if (flags.check_config) {
        fmt::print("{}", render_config(loaded));
        return 0;
    }
    const auto& config = loaded.config;
    if (!config.database.empty() && !config.regions.address.empty()) {
        throw UsageError(
            "--region-listen is for narthex's own PostgreSQL; that of --database has "
            "listen_addresses, ssl and pg_hba.conf"
        );
    }
    const bool keeps_nars = config.database.empty() || !config.nar_dir.empty();
    if (config.keep_purged.count() > 0 && !keeps_nars) {
        throw UsageError("--keep-purged-days keeps NARs: with --database it needs --nar-dir");
    }
    std::signal(SIGPIPE, SIG_IGN);  // sendfile() can't be told not to raise it
    std::signal(SIGXFSZ, SIG_IGN);  // a file too large for its limits is an error like others
    start_logging(config.log_level);
    struct StopLogging {
        ~StopLogging() { stop_logging(); }
    } const at_end;
    raise_file_limit(config.server.connections);
    // From here on signals wait until the main thread looks: an embedded PostgreSQL that was
    // started is stopped in order.
    asio::io_context main_thread(1);
    asio::signal_set signals(main_thread, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code error, int signal) {
        if (!error) service::log_info("event=stopping signal={}", signal);
        main_thread.stop();
    });
    if (interrupted()) main_thread.stop();
    int code = 0;
    {
        const auto database = open_with_retries(config, flags.wait, main_thread);
        if (database) code = serve(config, *database, main_thread);
    }
    service::log_info("event=stopped");
    return code;
}

}  // namespace

void add_serve(Command app, Action& action) {
    const auto command = app.add_subcommand("serve", "answer clients");
    auto flags = std::make_shared<ServeFlags>();
    flags->settings = add_setting_flags(command, {});
    command.add_flag(
        "--check-config", flags->check_config, "print what is in force and where it comes from"
    );
    command.add_flag("--wait", flags->wait, "go on trying while the database can't be reached");
    command.callback([&action, flags] { action = [flags] { return serve_command(*flags); }; });
}

}  // namespace narthex::app
