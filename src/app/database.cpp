#include "narthex/app/database.hpp"

#include "narthex/app/commands.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/migrate.hpp"

#include <spdlog/spdlog.h>

namespace narthex::app {

std::function<void()> OpenDatabase::revive() const {
    return [cluster = cluster.get()] {
        if (cluster == nullptr) return;
        try {
            cluster->revive();
        } catch (const std::exception& error) {
            spdlog::error("event=postgresql_not_restarted reason={}", log_text(error.what()));
        }
    };
}

OpenDatabase open_unmigrated_database(const Config& config) {
    if (!config.database.empty()) return {nullptr, config.database};
    std::optional<db::RegionListener> regions;
    if (!config.regions.address.empty()) regions = config.regions;
    auto cluster = db::Cluster::open(
        config.data_dir.empty() ? db::default_data_dir() : std::filesystem::path(config.data_dir),
        regions
    );
    auto uri = cluster->uri();
    return {std::move(cluster), std::move(uri)};
}

OpenDatabase open_database(const Config& config) {
    auto database = open_unmigrated_database(config);
    if (database.cluster) {
        db::migrate(database.uri);
    } else {
        db::Connection connection(database.uri, db::Session::work);
        db::require_current_schema(connection);
    }
    return database;
}

}  // namespace narthex::app
