#include "narthex/db/migrate.hpp"

#include "pqxx.hpp"

#include "narthex/core/hash.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/sql.hpp"

#include <fmt/format.h>

namespace narthex::db {

namespace {

struct Applied {
    int version;
    std::string name;
    std::string checksum;  // hex
};

std::string checksum_of(const Migration& migration) {
    return to_hex(Sha256::of(migration.text).bytes());
}

std::vector<Applied> list_applied(Tx& tx) {
    std::vector<Applied> out;
    if (!exec(tx, sql::schema_migrations_exist)[0][0].as<bool>()) return out;
    for (const auto& row : exec(tx, sql::list_schema_migrations)) {
        out.push_back({row[0].as<int>(), row[1].as<std::string>(), row[2].as<std::string>()});
    }
    return out;
}

// Throws when what the database has had is not a beginning of `ours`.
void require_prefix(const std::vector<Applied>& applied, std::span<const Migration> ours) {
    if (applied.size() > ours.size()) {
        throw SchemaMismatch(fmt::format(
            "the database has schema version {}, this narthex knows {}: use a newer narthex",
            applied.back().version,
            ours.size()
        ));
    }
    for (std::size_t i = 0; i < applied.size(); ++i) {
        if (applied[i].version == ours[i].version && applied[i].checksum == checksum_of(ours[i])) {
            continue;
        }
        throw SchemaMismatch(fmt::format(
            "the database has had migration {} ({}) with another text than this narthex has ({}): "
            "they are of different releases; use the narthex that made this database",
            applied[i].version,
            applied[i].name,
            ours[i].name
        ));
    }
}

// The first schema that knows of regions.
constexpr std::size_t k_regions_since = 8;

// A region that is behind would get rows for columns that it doesn't have, and stop.
void require_regions_first(Connection& connection, std::size_t newest) {
    connection.read([&](Tx& tx) {
        const auto rows = exec(tx, sql::list_older_regions, static_cast<int>(newest));
        if (rows.empty()) return;
        throw SchemaMismatch(fmt::format(
            "region {0} has schema version {1}, and this narthex brings {2}: use the new narthex "
            "there "
            "first ('narthex migrate' here with --force-regions doesn't wait for it)",
            rows[0][0].as<std::string>(),
            rows[0][1].as<int>(),
            newest
        ));
    });
}

// Applies the next migration that is missing and returns it; null when there is none.
const Migration* apply_next(Connection& connection, std::span<const Migration> migrations) {
    const Migration* done = nullptr;
    connection.write([&](Tx& tx) {
        exec(tx, sql::lock_schema);
        exec(tx, sql::create_schema_migration);
        const auto applied = list_applied(tx);
        require_prefix(applied, migrations);
        done = nullptr;
        if (applied.size() == migrations.size()) return;
        const auto& next = migrations[applied.size()];
        tx.transaction.exec(next.text);
        exec(
            tx,
            sql::insert_schema_migration,
            next.version,
            std::string(next.name),
            "\\x" + checksum_of(next)
        );
        renew_publications(tx);
        done = &next;
    });
    return done;
}

}  // namespace

MigrateReport migrate(
    Connection& connection, std::span<const Migration> migrations, RegionsFirst order
) {
    MigrateReport report{0, static_cast<int>(migrations.size()), {}};
    std::size_t before = 0;
    connection.read([&](Tx& tx) {
        const auto applied = list_applied(tx);
        require_prefix(applied, migrations);
        before = applied.size();
    });
    report.from_version = static_cast<int>(before);
    if (before == migrations.size()) return report;
    if (before >= k_regions_since && order == RegionsFirst::required) {
        require_regions_first(connection, migrations.size());
    }
    while (const auto* done = apply_next(connection, migrations)) {
        report.applied.emplace_back(done->name);
    }
    return report;
}

MigrateReport migrate(const std::string& uri, RegionsFirst order) {
    Connection connection(uri, Session::work);
    return migrate(connection, embedded_migrations(), order);
}

void require_current_schema(Connection& connection) {
    connection.read([&](Tx& tx) {
        const auto applied = list_applied(tx);
        const auto ours = embedded_migrations();
        require_prefix(applied, ours);
        if (applied.size() == ours.size()) return;
        throw SchemaMismatch(fmt::format(
            "the database has schema version {}, this narthex needs {}: run 'narthex migrate' "
            "first",
            applied.size(),
            ours.size()
        ));
    });
}

}  // namespace narthex::db
