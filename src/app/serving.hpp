// Everything that serves, wired together in the order in which it depends on each other.
#pragma once

#include "narthex/app/config.hpp"
#include "narthex/app/database.hpp"
#include "narthex/http/admin_handler.hpp"
#include "narthex/http/api_answers.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/handler.hpp"
#include "narthex/http/narinfo_cache.hpp"
#include "narthex/http/primary_answers.hpp"
#include "narthex/http/readiness.hpp"
#include "narthex/http/region_figures.hpp"
#include "narthex/http/region_nars.hpp"
#include "narthex/http/server.hpp"
#include "narthex/http/upload_answers.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/arrivals.hpp"
#include "narthex/service/batch_sizes.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/change_watch.hpp"
#include "narthex/service/count_sender.hpp"
#include "narthex/service/count_store.hpp"
#include "narthex/service/database_watch.hpp"
#include "narthex/service/exchange.hpp"
#include "narthex/service/instance_watch.hpp"
#include "narthex/service/invalidation.hpp"
#include "narthex/service/kept_lookups.hpp"
#include "narthex/service/kept_nar_sweep.hpp"
#include "narthex/service/kept_nars.hpp"
#include "narthex/service/leases.hpp"
#include "narthex/service/nar_fetch.hpp"
#include "narthex/service/nar_filler.hpp"
#include "narthex/service/primary_duties.hpp"
#include "narthex/service/primary_lookups.hpp"
#include "narthex/service/publishing.hpp"
#include "narthex/service/region_upkeep.hpp"
#include "narthex/service/uplink.hpp"
#include "narthex/service/upload_sweep.hpp"
#include "narthex/service/upstreams.hpp"

#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace narthex::app {

class Serving {
  public:
    // Called when the server has to end: the schema isn't this program's. On some other thread.
    using GiveUp = std::function<void(const std::string& reason)>;

    // Binds its addresses and connects. Throws what that throws. One thread calls all functions.
    Serving(const Config& config, const OpenDatabase& database, const GiveUp& give_up);

    [[nodiscard]] std::string address() const { return server_.address(); }
    // Empty when there is none.
    [[nodiscard]] std::string admin_address() const {
        return admin_server_ ? admin_server_->address() : "";
    }

    // As whoever serves. Throws std::runtime_error when uploads can't be stored there.
    void take_uploads(const std::string& uri, const std::string& directory, const Config& config);

    // As whoever serves: looks after the directory of NARs that a region keeps.
    void keep_nars(const std::string& uri, const Config& config);

    void start();

    // Lets requests under way end, for three seconds; ends all threads. Once.
    void stop();

  private:
    [[nodiscard]] bool is_primary() const;
    [[nodiscard]] std::string metrics() const;
    [[nodiscard]] http::RegionFigures region_figures() const;
    [[nodiscard]] std::unique_ptr<service::KeptLookups> kept_lookups(
        const Config& config, const OpenDatabase& database
    );
    [[nodiscard]] service::LookupOptions lookup_options(
        const Config& config, const OpenDatabase& database, const GiveUp& give_up
    );
    [[nodiscard]] service::UpstreamOptions upstream_options(
        const Config& config, const OpenDatabase& database
    );
    [[nodiscard]] service::LeaseOptions lease_options(
        const Config& config, const OpenDatabase& database
    );
    [[nodiscard]] service::CountStoreOptions count_options(
        const Config& config, const OpenDatabase& database
    );

    double started_at_;  // seconds since 1970
    boost::asio::thread_pool files_{2};
    // Of their own: an upload waits for the disk to be sure, a download shouldn't.
    boost::asio::thread_pool upload_files_{4};
    service::BatchSizes batches_;
    service::Catalog catalog_;
    service::Access access_;
    service::Epochs epochs_;
    service::InstanceWatch watch_;
    service::DatabaseWatch database_watch_;
    service::RequestCounts counts_;
    http::NarinfoCache cache_;
    service::CountStore count_store_;
    service::Upstreams upstreams_;
    service::PrimaryLookups primary_lookups_;
    service::KeptNars kept_nars_;
    std::unique_ptr<service::KeptLookups> kept_lookups_;  // where it is to keep what was purged
    std::unique_ptr<service::Lookups> lookups_;
    std::unique_ptr<service::Uplink> uplink_;
    std::unique_ptr<service::CountSender> count_sender_;
    service::PrimaryDuties duties_;
    service::RegionUpkeep upkeep_;
    http::Readiness readiness_;
    std::unique_ptr<service::BulkLookups> bulk_;
    service::Leases leases_;
    http::BulkAnswers bulk_answers_;
    std::unique_ptr<service::Publishing> publishing_;
    std::optional<service::UploadDirectory> upload_directory_;
    http::UploadAnswers uploads_;
    std::optional<service::UploadSweep> sweep_;
    service::Exchanges to_primary_;
    service::Arrivals arrivals_;
    http::PrimaryAnswers primary_;
    // Of their own: what is published never waits for what is read.
    service::Exchanges nars_from_primary_;
    service::NarFetches nar_fetches_;
    http::RegionNars region_nars_;
    std::optional<service::KeptNarSweep> nar_sweep_;
    std::optional<service::NarFiller> nar_filler_;  // where all are to be fetched
    http::Handler handler_;
    http::Server server_;
    std::unique_ptr<service::ChangeWatch> changes_;
    std::unique_ptr<service::Publishing> admin_database_;
    http::ApiAnswers api_;
    http::AdminHandler admin_handler_;
    std::unique_ptr<http::Server> admin_server_;
    service::Invalidation invalidation_;
};

}  // namespace narthex::app
