#include "narthex/app/commands.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/interrupt.hpp"
#include "narthex/app/logging.hpp"
#include "narthex/app/signing_keys.hpp"
#include "narthex/app/version.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/http/admin_handler.hpp"
#include "narthex/http/api_answers.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/handler.hpp"
#include "narthex/http/metrics.hpp"
#include "narthex/http/narinfo_cache.hpp"
#include "narthex/http/server.hpp"
#include "narthex/http/upload_answers.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/batch_sizes.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/change_watch.hpp"
#include "narthex/service/count_store.hpp"
#include "narthex/service/invalidation.hpp"
#include "narthex/service/leases.hpp"
#include "narthex/service/publishing.hpp"
#include "narthex/service/upload_sweep.hpp"
#include "narthex/service/upstreams.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>
#include <fmt/core.h>
#include <grp.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

namespace narthex::app {

namespace {

namespace asio = boost::asio;

// Together below the five seconds that SIGTERM may take.
constexpr std::chrono::milliseconds k_drain_limit(3000);
constexpr std::chrono::milliseconds k_admin_drain_limit(200);
constexpr std::size_t k_admin_connections = 2;
// Half of the admin listener's connections: the others are for who asks.
constexpr std::size_t k_followers = 32;
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
    spdlog::warn(
        "event=few_file_descriptors limit={} max_connections={} hint=\"raise LimitNOFILE\"",
        limit.rlim_max,
        connections
    );
}

// Root was needed to bind and to start PostgreSQL; clients are served as the data directory's
// owner, with its groups: they may be what lets it read the NARs.
void drop_root(const OpenDatabase& database) {
    if (::geteuid() != 0) return;
    if (!database.cluster) {
        spdlog::warn("event=serving_as_root hint=\"start it as a user who may read the NARs\"");
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

// Absent when a signal came first.
std::optional<OpenDatabase> open_with_retries(
    const Config& config, bool wait, asio::io_context& main_thread
) {
    auto pause = k_first_retry;
    while (!main_thread.stopped()) {
        try {
            return open_database(config);
        } catch (const db::Unavailable& error) {
            if (!wait) {
                throw Failure(fmt::format("{} (--wait goes on trying)", error.what()));
            }
            spdlog::warn(
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

// Everything that serves, in the order in which it depends on each other.
class Serving {
  public:
    using GiveUp = std::function<void(const std::string& reason)>;

    Serving(const Config& config, const OpenDatabase& database, const GiveUp& give_up)
        : catalog_(database.uri, database.revive(), give_up),
          access_(database.uri),
          cache_(
              config.cache_bytes,
              config.max_ages,
              epochs_,
              config.count_requests ? &counts_ : nullptr
          ),
          count_store_(count_options(config, database), counts_),
          upstreams_(upstream_options(config, database)),
          lookups_(std::make_unique<service::Lookups>(lookup_options(config, database, give_up))),
          bulk_(std::make_unique<service::BulkLookups>(bulk_options(config, database))),
          leases_(lease_options(config, database)),
          bulk_answers_(catalog_, access_, *bulk_, leases_, files_, config.bulk),
          publishing_(std::make_unique<service::Publishing>(publish_options(config, database))),
          uploads_(
              catalog_,
              access_,
              *publishing_,
              epochs_,
              upload_files_,
              {config.trusted_keys, read_signing_keys(config.signing_key_files)},
              config.uploads
          ),
          handler_(
              catalog_,
              access_,
              *lookups_,
              leases_,
              cache_,
              bulk_answers_,
              uploads_,
              handler_options(config)
          ),
          server_(
              config.server, {handler_, bulk_answers_, uploads_, *lookups_, leases_, cache_, files_}
          ),
          changes_(std::make_unique<service::ChangeWatch>(database.uri, k_followers)),
          admin_database_(std::make_unique<service::Publishing>(admin_options(config, database))),
          api_(catalog_, access_, *admin_database_, *changes_),
          admin_handler_(catalog_, *lookups_, api_, [this] { return metrics(); }),
          invalidation_(database.uri, epochs_, [this](const std::string& table) {
              if (table == "cache") catalog_.refresh_soon();
              if (table == "token") access_.refresh_soon();
          }) {
        if (config.admin.address.empty()) return;
        admin_server_ = std::make_unique<http::Server>(
            config.admin,
            http::Backend{
                admin_handler_, bulk_answers_, uploads_, *lookups_, leases_, cache_, files_}
        );
    }

    [[nodiscard]] std::string address() const { return server_.address(); }
    // Empty when there is none.
    [[nodiscard]] std::string admin_address() const {
        return admin_server_ ? admin_server_->address() : "";
    }

    // As whoever serves. Throws std::runtime_error when uploads can't be stored there.
    void take_uploads(const std::string& uri, const std::string& directory, const Config& config) {
        upload_directory_.emplace(directory);
        uploads_.take_into(*upload_directory_);
        sweep_.emplace(uri, *upload_directory_, config.orphan_age);
    }

    void start() {
        server_.start();
        if (admin_server_) admin_server_->start();
    }

    void stop() {
        server_.stop(k_drain_limit);
        if (admin_server_) admin_server_->stop(k_admin_drain_limit);
        upstreams_.stop();
        leases_.stop();  // from there come lookups
        // Late answers find the network threads gone and are dropped with them.
        lookups_.reset();
        files_.join();  // from there comes work for the next
        bulk_.reset();
        changes_.reset();
        admin_database_.reset();
        upload_files_.join();
        publishing_.reset();
        sweep_.reset();
        count_store_.stop();
    }

  private:
    [[nodiscard]] std::string metrics() const {
        return http::render_metrics(http::metric_families(http::MetricFigures{
            .threads = server_.counters(),
            .cache = cache_.figures(),
            .cache_trusted = epochs_.trusted(service::Epochs::Clock::now()),
            .lookups = lookups_->figures(),
            .upstreams = upstreams_.figures(),
            .counts = count_store_.figures(),
            .leases = leases_.figures(),
            .ready = http::is_ready(*lookups_, catalog_),
            .batches = batches_,
            .version = k_version,
            .started_at = started_at_,
        }));
    }

    service::LookupOptions lookup_options(
        const Config& config, const OpenDatabase& database, const GiveUp& give_up
    ) {
        service::LookupOptions options;
        options.uri = database.uri;
        options.connections = config.database_connections;
        options.largest_batch = config.largest_batch;
        options.statement_limit = config.handler.lookup_timeout;
        options.render = [ages = config.max_ages](db::FoundNarinfo&& found) {
            return http::render_narinfo(std::move(found.text), found.first_seen, ages);
        };
        options.revive = database.revive();
        options.schema_mismatch = give_up;
        options.batch_sent = [this](std::size_t keys) { batches_.add(keys); };
        options.pull = [this](std::vector<service::Answered>& answers) {
            upstreams_.take(answers);
        };
        return options;
    }

    service::UpstreamOptions upstream_options(const Config& config, const OpenDatabase& database) {
        service::UpstreamOptions options;
        options.limits = config.upstreams;
        options.uri = database.uri;
        options.user_agent = fmt::format("narthex/{}", k_version);
        options.caches = [this] { return catalog_.caches(); };
        options.look_up = [this](std::vector<service::Lookup>& again) { lookups_->submit(again); };
        return options;
    }

    static service::BulkOptions bulk_options(const Config& config, const OpenDatabase& database) {
        service::BulkOptions options;
        options.uri = database.uri;
        options.connections = config.bulk_connections;
        options.statement_limit = config.bulk.timeout;
        options.revive = database.revive();
        return options;
    }

    static service::PublishingOptions publish_options(
        const Config& config, const OpenDatabase& database
    ) {
        service::PublishingOptions options;
        options.uri = database.uri;
        options.connections = config.publish_connections;
        options.revive = database.revive();
        return options;
    }

    service::LeaseOptions lease_options(const Config& config, const OpenDatabase& database) {
        service::LeaseOptions options;
        options.uri = database.uri;
        options.duration = config.uploads.lease;
        options.look_up = [this](std::vector<service::Lookup>& leased) {
            lookups_->submit(leased);
        };
        options.revive = database.revive();
        return options;
    }

    service::CountStoreOptions count_options(const Config& config, const OpenDatabase& database) {
        service::CountStoreOptions options;
        options.uri = database.uri;
        options.interval = config.count_flush;
        options.keep = config.count_keep;
        options.auto_restore = config.auto_restore;
        options.hand_over = [this] { cache_.hand_over_counts(); };
        return options;
    }

    // Of the admin API, whose calls may take longer than an upload.
    static service::PublishingOptions admin_options(
        const Config& config, const OpenDatabase& database
    ) {
        auto options = publish_options(config, database);
        options.connections = config.admin.address.empty() ? 0 : k_admin_connections;
        return options;
    }

    static http::HandlerOptions handler_options(const Config& config) {
        auto options = config.handler;
        options.version = k_version;
        return options;
    }

    static double seconds_since_1970() {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        return std::chrono::duration<double>(now).count();
    }

    double started_at_ = seconds_since_1970();
    asio::thread_pool files_{2};
    // Of their own: an upload waits for the disk to be sure, a download shouldn't.
    asio::thread_pool upload_files_{4};
    service::BatchSizes batches_;
    service::Catalog catalog_;
    service::Access access_;
    service::Epochs epochs_;
    service::RequestCounts counts_;
    http::NarinfoCache cache_;
    service::CountStore count_store_;
    service::Upstreams upstreams_;
    std::unique_ptr<service::Lookups> lookups_;
    std::unique_ptr<service::BulkLookups> bulk_;
    service::Leases leases_;
    http::BulkAnswers bulk_answers_;
    std::unique_ptr<service::Publishing> publishing_;
    std::optional<service::UploadDirectory> upload_directory_;
    http::UploadAnswers uploads_;
    std::optional<service::UploadSweep> sweep_;
    http::Handler handler_;
    http::Server server_;
    std::unique_ptr<service::ChangeWatch> changes_;
    std::unique_ptr<service::Publishing> admin_database_;
    http::ApiAnswers api_;
    http::AdminHandler admin_handler_;
    std::unique_ptr<http::Server> admin_server_;
    service::Invalidation invalidation_;
};

// Empty: nowhere.
std::string upload_directory(const Config& config, const OpenDatabase& database) {
    if (!config.upload_dir.empty()) return config.upload_dir;
    return database.cluster ? (database.cluster->data_dir() / "nars").string() : "";
}

int serve(const Config& config, const OpenDatabase& database, asio::io_context& main_thread) {
    std::atomic<bool> failed = false;
    const auto give_up = [&](const std::string& reason) {
        if (failed.exchange(true)) return;
        spdlog::error("event=schema_mismatch reason={}", log_text(reason));
        asio::post(main_thread, [&] { main_thread.stop(); });
    };
    Serving serving(config, database, give_up);
    drop_root(database);
    const auto upload_dir = upload_directory(config, database);
    if (!upload_dir.empty()) serving.take_uploads(database.uri, upload_dir, config);
    serving.start();
    spdlog::info(
        "event=listening address={} database={} version={}",
        serving.address(),
        log_text(db::describe_address(database.uri)),
        k_version
    );
    if (const auto admin = serving.admin_address(); !admin.empty()) {
        spdlog::info("event=admin_listening address={}", admin);
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
        if (!error) spdlog::info("event=stopping signal={}", signal);
        main_thread.stop();
    });
    if (interrupted()) main_thread.stop();
    int code = 0;
    {
        const auto database = open_with_retries(config, flags.wait, main_thread);
        if (database) code = serve(config, *database, main_thread);
    }
    spdlog::info("event=stopped");
    return code;
}

}  // namespace

void add_serve(CLI::App& app, Action& action) {
    auto* command = app.add_subcommand("serve", "answer clients");
    auto flags = std::make_shared<ServeFlags>();
    flags->settings = add_setting_flags(*command, {});
    command->add_flag(
        "--check-config", flags->check_config, "print what is in force and where it comes from"
    );
    command->add_flag("--wait", flags->wait, "go on trying while the database can't be reached");
    command->callback([&action, flags] { action = [flags] { return serve_command(*flags); }; });
}

}  // namespace narthex::app
