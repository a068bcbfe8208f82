#include "narthex/service/replica_primary.hpp"

#include "narthex/db/migrate.hpp"
#include "narthex/db/regions.hpp"

#include <fmt/format.h>

#include <optional>

namespace narthex::service {

namespace {

constexpr int k_oldest_postgres = 150000;
constexpr std::string_view k_no_table = "42P01";
constexpr std::string_view k_no_column = "42703";
constexpr std::string_view k_no_right = "42501";

// By their texts, since libpq gives a refused connection no SQLSTATE.
bool is_about_password(std::string_view reason) {
    return reason.find("authentication failed") != reason.npos ||
           reason.find("no pg_hba.conf entry") != reason.npos ||  // of no member of narthex_regions
           reason.find("is not permitted to log in") != reason.npos ||
           (reason.find("role \"") != reason.npos && reason.find("does not exist") != reason.npos);
}

std::string hint_for(const std::string& uri) {
    const auto name = db::region_of_login(db::user_of(uri));
    return fmt::format(
        "the invite was used, has expired or was replaced: 'narthex replica invite {}' on the "
        "primary "
        "makes another",
        name.empty() ? "NAME" : name
    );
}

Result<void> check_version(const db::Primary& primary) {
    if (primary.version < k_oldest_postgres) {
        return Error{fmt::format(
            "regions need PostgreSQL 15 or newer, the primary has {}", primary.version / 10000
        )};
    }
    const auto ours = static_cast<int>(db::embedded_migrations().size());
    if (primary.schema_version > ours) {
        return Error{fmt::format(
            "the primary has schema version {}, this narthex knows {}: use a newer narthex here",
            primary.schema_version,
            ours
        )};
    }
    if (primary.wal_level == "logical") return {};
    return Error{fmt::format(
        "the primary's wal_level is {}: set wal_level = logical in its postgresql.conf and restart "
        "it",
        primary.wal_level
    )};
}

Result<void> check_role(const db::Primary& primary) {
    using db::InstanceRole;
    if (primary.role == InstanceRole::primary) return {};
    if (primary.role == InstanceRole::fenced) {
        return Error{"that primary was replaced by another: get an invite there"};
    }
    return Error{"that is a region itself: get an invite on its primary"};
}

}  // namespace

Result<db::Primary> find_primary(const std::string& uri) {
    std::optional<db::Primary> found;
    try {
        db::Connection connection(uri, db::Session::work);
        connection.read([&](db::Tx& tx) { found = db::read_primary(tx); });
    } catch (const db::Unavailable& error) {
        const std::string reason = error.what();
        if (is_about_password(reason)) return Error{reason + "; " + hint_for(uri)};
        return Error{reason};
    } catch (const db::QueryFailed& error) {
        const auto& state = error.sqlstate();
        if (state != k_no_table && state != k_no_column && state != k_no_right) throw;
        return Error{fmt::format(
            "the database at {} isn't a narthex primary that has invited this region: use the URI "
            "that "
            "'narthex replica invite' prints there",
            db::describe_address(uri)
        )};
    }
    if (auto good = check_version(*found); !good) return good.error();
    if (auto good = check_role(*found); !good) return good.error();
    return *found;
}

Result<void> check_invited(
    const db::Primary& primary, const std::string& name, const std::string& id
) {
    if (primary.id == id) {
        return Error{
            "this database is that primary, or a copy of its files: a region needs one of its own"};
    }
    if (!primary.region || primary.left) {
        return Error{fmt::format(
            "{0} was not invited: 'narthex replica invite {0}' on the primary prints the URI to "
            "use",
            name
        )};
    }
    if (*primary.region != name) {
        return Error{fmt::format("this URI is of region {0}: say --name {0}", *primary.region)};
    }
    if (primary.joined_instance && *primary.joined_instance != id) {
        return Error{fmt::format(
            "region {0} has joined already, from another database: 'narthex replica remove {0}' on "
            "the "
            "primary ends that",
            name
        )};
    }
    if (!primary.joined_instance && primary.slot_active) {
        return Error{fmt::format(
            "the primary has a replication slot {0} already, which isn't this region's: drop it "
            "there "
            "(select pg_drop_replication_slot('{0}')), or choose another name",
            db::region_login(name)
        )};
    }
    return {};
}

}  // namespace narthex::service
