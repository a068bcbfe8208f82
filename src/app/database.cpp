#include "narthex/app/database.hpp"

#include "narthex/app/commands.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/service/log.hpp"

namespace narthex::app {

std::function<void()> OpenDatabase::revive() const {
    return [cluster = cluster.get()] {
        if (cluster == nullptr) return;
        try {
            cluster->revive();
        } catch (const std::exception& error) {
            service::log_error("event=postgresql_not_restarted reason={}", log_text(error.what()));
        }
    };
}

namespace {

OpenDatabase open(const Config& config, const std::optional<db::RegionListener>& listener) {
    if (!config.database.empty()) return {nullptr, config.database};
    auto cluster = db::Cluster::open(
        config.data_dir.empty() ? db::default_data_dir() : std::filesystem::path(config.data_dir),
        listener
    );
    auto uri = cluster->uri();
    return {std::move(cluster), std::move(uri)};
}

}  // namespace

OpenDatabase open_unmigrated_database(const Config& config) {
    return open(config, std::nullopt);
}

OpenDatabase open_database(
    const Config& config, const std::optional<db::RegionListener>& listener
) {
    auto database = open(config, listener);
    if (database.cluster) {
        db::migrate(database.uri);
    } else {
        db::Connection connection(database.uri, db::Session::work);
        db::require_current_schema(connection);
    }
    return database;
}

}  // namespace narthex::app
