#include "narthex/service/auto_restore.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/request_counts.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <vector>

namespace narthex::service {

namespace {

struct Restored {
    PathKey key;
    std::size_t paths;  // with what it needs
};

void write_audit(db::Tx& tx, const Restored& restored, std::uint64_t requests) {
    db::Audit audit;
    audit.who = "serve";
    audit.action = "auto-restore";
    audit.cache = restored.key.cache;
    audit.subject = restored.key.hash.to_string();
    audit.reason = fmt::format("asked for {} times while it was hidden", requests);
    audit.details = fmt::format(R"({{"paths": {}}})", restored.paths);
    db::add_audit(tx, audit);
}

}  // namespace

void restore_missed(
    db::Connection& connection, std::span<const PathKey> asked, std::uint64_t requests
) {
    std::vector<PathKey> missed;
    connection.read([&](db::Tx& tx) { missed = db::find_missed(tx, asked, requests); });
    if (missed.empty()) return;
    std::vector<Restored> restored;
    connection.write([&](db::Tx& tx) {
        restored.clear();
        db::share_publishing(tx);
        for (const auto& key : missed) {
            // One may have come back with another that needs it.
            const auto paths = db::rescue_whole(tx, key.cache, std::span(&key.hash, 1));
            if (paths == 0) continue;
            restored.push_back({key, paths});
            write_audit(tx, restored.back(), requests);
        }
    });
    for (const auto& [key, paths] : restored) {
        log_info(
            "event=auto_restored cache={} hash={} paths={}", key.cache, key.hash.to_string(), paths
        );
    }
}

}  // namespace narthex::service
