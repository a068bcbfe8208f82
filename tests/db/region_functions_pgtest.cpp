// What regions call at their primary with its owner's rights: what they may do by that, and what
// not.
#include "support/database.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace narthex::test {
namespace {

class RegionFunctions : public testing::Test {
  protected:
    RegionFunctions() {
        run("create role mallory login replication;"
            " grant execute on function region_accept, region_report, region_count, region_leave,"
            " region_fence to mallory;"
            " insert into region (name, login, invite_until) values ('eu1', 'mallory', now())");
    }

    // A role belongs to the cluster: it outlives the database.
    ~RegionFunctions() override {
        session_.reset();
        execute(database_.uri(), "drop owned by mallory; drop role mallory");
    }

    void run(const std::string& statements) const {
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
            PQexec(session_.get(), statements.c_str()), PQclear
        );
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return;
        throw std::runtime_error(PQerrorMessage(session_.get()));
    }

    // As the region.
    void call(const std::string& statements) const {
        run("set session authorization mallory; " + statements + "; reset session authorization");
    }

    [[nodiscard]] std::string ask(const std::string& statement) const {
        return query(database_.uri(), statement);
    }

    TestDatabase database_;
    std::unique_ptr<PGconn, void (*)(PGconn*)> session_{
        PQconnectdb(database_.uri().c_str()), PQfinish};
};

TEST_F(RegionFunctions, with_the_owners_rights_look_at_temporary_objects_last) {
    EXPECT_EQ(
        ask("select coalesce(string_agg(oid::regprocedure::text, ' '), '') from pg_proc"
            " where prosecdef and pronamespace = 'public'::regnamespace"
            " and proconfig is distinct from array['search_path=pg_catalog, public, pg_temp']"),
        ""
    );
    EXPECT_NE(ask("select count(*) from pg_proc where prosecdef and proname ~ '^region_'"), "0");
}

TEST_F(RegionFunctions, cannot_be_made_to_run_what_a_region_has_written) {
    call(
        "create temporary table region_report (name text primary key, at timestamptz, epoch bigint,"
        " schema_version int, applied_at timestamptz, applied_xid xid8, errors bigint, trouble "
        "text);"
        " grant all on region_report to public;"
        " create function pg_temp.grab() returns trigger language plpgsql as"
        " $$ begin alter role mallory superuser; return new; end $$;"
        " create trigger grab before insert on region_report"
        " for each row execute function pg_temp.grab();"
        " select region_report(1, 8, null, null, 0, '')"
    );
    EXPECT_EQ(ask("select rolsuper from pg_roles where rolname = 'mallory'"), "f");
    EXPECT_EQ(ask("select name from region_report"), "eu1");
}

}  // namespace
}  // namespace narthex::test
