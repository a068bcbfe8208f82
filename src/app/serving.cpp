#include "serving.hpp"

#include "narthex/app/signing_keys.hpp"
#include "narthex/app/version.hpp"
#include "narthex/core/quote.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/metrics.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/post.hpp>
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>

namespace narthex::app {

namespace {

// Together below the five seconds that SIGTERM may take.
constexpr std::chrono::milliseconds k_drain_limit(3000);
constexpr std::chrono::milliseconds k_admin_drain_limit(200);
constexpr std::size_t k_admin_connections = 2;
// Half of the admin listener's connections: the others are for who asks.
constexpr std::size_t k_followers = 32;

service::BulkOptions bulk_options(const Config& config, const OpenDatabase& database) {
    service::BulkOptions options;
    options.uri = database.uri;
    options.connections = config.bulk_connections;
    options.statement_limit = config.bulk.timeout;
    options.revive = database.revive();
    return options;
}

service::PublishingOptions publish_options(const Config& config, const OpenDatabase& database) {
    service::PublishingOptions options;
    options.uri = database.uri;
    options.connections = config.publish_connections;
    options.revive = database.revive();
    return options;
}

// Of the admin API, whose calls may take longer than an upload.
service::PublishingOptions admin_options(const Config& config, const OpenDatabase& database) {
    auto options = publish_options(config, database);
    options.connections = config.admin.address.empty() ? 0 : k_admin_connections;
    return options;
}

std::string user_agent() {
    return fmt::format("narthex/{}", k_version);
}

service::PrimaryLookups::Render renderer(const Config& config) {
    return [ages = config.max_ages](db::FoundNarinfo&& found) {
        return http::render_narinfo(std::move(found.text), found.first_seen, ages);
    };
}

service::ExchangeLimits exchange_limits(const Config& config) {
    service::ExchangeLimits limits;
    limits.idle = config.primary_timeout;
    return limits;
}

service::ExchangeLimits nar_limits(const Config& config) {
    auto limits = exchange_limits(config);
    limits.most = config.nar_fetches;
    return limits;
}

// Told at the start, not by the first NAR that doesn't come.
std::string readable_ca(const Config& config) {
    const auto& file = config.instance_ca;
    if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
        throw std::runtime_error(fmt::format("can't read instance-ca {}", quote(file)));
    }
    return file;
}

// Empty: nowhere.
std::string kept_nars_directory(const Config& config, const OpenDatabase& database) {
    if (!config.nar_dir.empty()) return config.nar_dir;
    return database.cluster ? (database.cluster->data_dir() / "region-nars").string() : "";
}

http::HandlerOptions handler_options(const Config& config) {
    auto options = config.handler;
    options.version = k_version;
    return options;
}

double seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

}  // namespace

Serving::Serving(const Config& config, const OpenDatabase& database, const GiveUp& give_up)
    : started_at_(seconds_since_1970()),
      access_(database.uri),
      watch_(epochs_),
      database_watch_({database.uri, {&catalog_, &access_, &watch_}, database.revive(), give_up}),
      cache_(
          config.cache_bytes, config.max_ages, epochs_, config.count_requests ? &counts_ : nullptr
      ),
      count_store_(count_options(config, database), counts_),
      upstreams_(upstream_options(config, database)),
      primary_lookups_(watch_, renderer(config)),
      kept_nars_(kept_nars_directory(config, database)),
      kept_lookups_(kept_lookups(config, database)),
      lookups_(std::make_unique<service::Lookups>(lookup_options(config, database, give_up))),
      uplink_(std::make_unique<service::Uplink>(
          database.uri,
          watch_,
          [this](const std::string& primary) { primary_lookups_.ask_at(primary); }
      )),
      count_sender_(std::make_unique<service::CountSender>(service::CountSenderOptions{
          database.uri, config.count_flush, [this] { return uplink_->primary(); }})),
      duties_({database.uri, user_agent(), readable_ca(config)}, watch_),
      upkeep_({database.uri, config.region_drop_after}, watch_),
      readiness_(*lookups_, catalog_, watch_, *uplink_, config.ready_lag),
      bulk_(std::make_unique<service::BulkLookups>(bulk_options(config, database))),
      leases_(lease_options(config, database)),
      bulk_answers_(catalog_, access_, watch_, *bulk_, leases_, files_, config.bulk),
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
      to_primary_(exchange_limits(config), config.instance_ca),
      arrivals_(database.uri),
      primary_(
          [this] { return watch_.instance(); }, catalog_, access_, to_primary_, arrivals_, epochs_
      ),
      nars_from_primary_(nar_limits(config), config.instance_ca),
      nar_fetches_(
          kept_nars_,
          nars_from_primary_,
          [this](std::function<void()> job) { boost::asio::post(upload_files_, std::move(job)); }
      ),
      region_nars_(
          [this] { return watch_.instance(); },
          catalog_,
          kept_nars_,
          nar_fetches_,
          nars_from_primary_,
          files_
      ),
      handler_(
          catalog_,
          access_,
          watch_,
          readiness_,
          leases_,
          cache_,
          bulk_answers_,
          uploads_,
          primary_,
          region_nars_,
          handler_options(config)
      ),
      server_(
          config.server, {handler_, bulk_answers_, uploads_, *lookups_, leases_, cache_, files_}
      ),
      changes_(std::make_unique<service::ChangeWatch>(database.uri, k_followers)),
      admin_database_(std::make_unique<service::Publishing>(admin_options(config, database))),
      api_(catalog_, access_, *admin_database_, *changes_),
      admin_handler_(catalog_, readiness_, api_, [this] { return metrics(); }),
      invalidation_(database.uri, epochs_, [this](const std::string& table) {
          if (table == "cache" || table == "token") database_watch_.read_soon();
      }) {
    uploads_.wait_for([this] { return duties_.may_write(); });
    if (config.admin.address.empty()) return;
    admin_server_ = std::make_unique<http::Server>(
        config.admin,
        http::Backend{admin_handler_, bulk_answers_, uploads_, *lookups_, leases_, cache_, files_}
    );
}

void Serving::take_uploads(
    const std::string& uri, const std::string& directory, const Config& config
) {
    upload_directory_.emplace(directory);
    uploads_.take_into(*upload_directory_);
    sweep_.emplace(uri, *upload_directory_, config.orphan_age);
}

bool Serving::is_primary() const {
    return watch_.instance()->role == db::InstanceRole::primary;
}

void Serving::keep_nars(const std::string& uri, const Config& config) {
    const auto now = [this] { return watch_.instance(); };
    const auto keep_days = static_cast<int>(config.keep_purged.count());
    nar_sweep_.emplace(uri, kept_nars_, keep_days, now);
    if (keep_days > 0 && !service::may_keep_purged(*now())) {
        service::log_warn(
            "event=nothing_purged_is_kept role={} hint=\"keep-purged-days is for regions that were "
            "joined with --full\"",
            db::to_string(now()->role)
        );
    }
    if (config.fetches_all_nars) nar_filler_.emplace(uri, kept_nars_, nar_fetches_, now);
}

void Serving::start() {
    server_.start();
    if (admin_server_) admin_server_->start();
}

void Serving::stop() {
    // What may wait for a primary that doesn't answer ends meanwhile.
    uplink_->stop();
    primary_lookups_.stop();
    count_sender_->stop();
    duties_.stop();
    upkeep_.stop();
    server_.stop(k_drain_limit);
    if (admin_server_) admin_server_->stop(k_admin_drain_limit);
    upstreams_.stop();
    nar_filler_.reset();
    nar_sweep_.reset();
    to_primary_.stop();
    nars_from_primary_.stop();
    arrivals_.stop();
    leases_.stop();  // from there come lookups
    // Late answers find the network threads gone and are dropped with them.
    lookups_.reset();
    kept_lookups_.reset();
    count_sender_.reset();
    uplink_.reset();
    primary_lookups_.ask_at("");
    files_.join();  // from there comes work for the next
    bulk_.reset();
    changes_.reset();
    admin_database_.reset();
    upload_files_.join();
    publishing_.reset();
    sweep_.reset();
    count_store_.stop();
}

std::string Serving::metrics() const {
    return http::render_metrics(http::metric_families(http::MetricFigures{
        .threads = server_.counters(),
        .cache = cache_.figures(),
        .cache_trusted = epochs_.trusted(service::Epochs::Clock::now()),
        .lookups = lookups_->figures(),
        .upstreams = upstreams_.figures(),
        .counts = count_store_.figures(),
        .leases = leases_.figures(),
        .regions = region_figures(),
        .primary = primary_.figures(),
        .nars = nar_fetches_.figures(),
        .nars_left = nar_filler_ ? nar_filler_->left() : 0,
        .kept = kept_lookups_ ? kept_lookups_->figures() : service::KeptLookups::Figures{},
        .ready = !readiness_.fault(),
        .batches = batches_,
        .version = k_version,
        .started_at = started_at_,
    }));
}

http::RegionFigures Serving::region_figures() const {
    return {
        *watch_.instance(),
        watch_.up_to_date(),
        watch_.heartbeat_age(),
        uplink_->figures(),
        primary_lookups_.figures(),
        count_sender_->figures(),
        duties_.regions(),
        duties_.silent_regions(),
    };
}

// Null where nothing is kept.
std::unique_ptr<service::KeptLookups> Serving::kept_lookups(
    const Config& config, const OpenDatabase& database
) {
    if (config.keep_purged.count() == 0 || !kept_nars_.keeps()) return nullptr;
    service::KeptLookupOptions options;
    options.uri = database.uri;
    options.days = static_cast<int>(config.keep_purged.count());
    options.render = [ages = config.max_ages](service::KeptPath&& path) {
        return http::render_kept_narinfo(std::move(path.text), path.purged, ages);
    };
    options.next = [this](std::vector<service::Answered>& answers, bool absences_count) {
        primary_lookups_.take(answers, absences_count);
    };
    return std::make_unique<service::KeptLookups>(
        std::move(options), [this] { return watch_.instance(); }, catalog_, kept_nars_
    );
}

service::LookupOptions Serving::lookup_options(
    const Config& config, const OpenDatabase& database, const GiveUp& give_up
) {
    service::LookupOptions options;
    options.uri = database.uri;
    options.connections = config.database_connections;
    options.largest_batch = config.largest_batch;
    options.statement_limit = config.handler.lookup_timeout;
    options.render = renderer(config);
    options.revive = database.revive();
    options.schema_mismatch = give_up;
    options.batch_sent = [this](std::size_t keys) { batches_.add(keys); };
    options.absences_count = [this] { return watch_.up_to_date(); };
    options.pull = [this](std::vector<service::Answered>& answers, bool absences_count) {
        // First: what this region has, it serves also when its primary can't be asked.
        if (kept_lookups_) kept_lookups_->take(answers, absences_count);
        primary_lookups_.take(answers, absences_count);
        // What comes from there is stored, and that is for the primary.
        if (is_primary()) upstreams_.take(answers);
    };
    return options;
}

service::UpstreamOptions Serving::upstream_options(
    const Config& config, const OpenDatabase& database
) {
    service::UpstreamOptions options;
    options.limits = config.upstreams;
    options.uri = database.uri;
    options.user_agent = user_agent();
    options.caches = [this] { return catalog_.caches(); };
    options.look_up = [this](std::vector<service::Lookup>& again) { lookups_->submit(again); };
    return options;
}

service::LeaseOptions Serving::lease_options(const Config& config, const OpenDatabase& database) {
    service::LeaseOptions options;
    options.uri = database.uri;
    options.duration = config.uploads.lease;
    options.look_up = [this](std::vector<service::Lookup>& leased) { lookups_->submit(leased); };
    options.revive = database.revive();
    return options;
}

service::CountStoreOptions Serving::count_options(
    const Config& config, const OpenDatabase& database
) {
    service::CountStoreOptions options;
    options.uri = database.uri;
    options.interval = config.count_flush;
    options.keep = config.count_keep;
    options.auto_restore = config.auto_restore;
    options.hand_over = [this] { cache_.hand_over_counts(); };
    options.is_primary = [this] { return is_primary(); };
    return options;
}

}  // namespace narthex::app
