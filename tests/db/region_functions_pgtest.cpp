// What regions call at their primary with its owner's rights: what they may do by that, and what
// not.
#include "support/database.hpp"

#include "narthex/db/regions.hpp"

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
        db::Connection(database_.uri(), db::Session::work).write(db::prepare_for_regions);
        run("create role mallory login replication in role narthex_regions;"
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

    // What is said to the region.
    [[nodiscard]] std::string refusal(const std::string& statements) const {
        try {
            call(statements);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "(none)";
    }

    // With a token whose hash is this byte repeated.
    [[nodiscard]] std::string accept(const std::string& hash, const std::string& kind = "serving")
        const {
        return refusal(
            "select region_accept('00000000-0000-0000-0000-000000000001', 7, 16400, '" + kind +
            "', null, 'p',"
            " decode(repeat('" +
            hash + "', 32), 'hex'))"
        );
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

TEST_F(RegionFunctions, fence_again_for_the_same_region_whatever_it_calls_itself) {
    run("update region set kind = 'full', url = 'http://joined'");
    const auto fence = [this](const std::string& rest) {
        return refusal("select region_fence(" + rest + ")");
    };
    EXPECT_EQ(fence("2, 'region eu1'"), "(none)");
    EXPECT_EQ(fence("2, 'http://new'"), "(none)");
    EXPECT_EQ(fence("2, 'http://newer'"), "(none)");
    EXPECT_EQ(
        ask("select concat_ws(' ', role, epoch, replaced_by) from instance"),
        "fenced 2 http://newer"
    );
    // A fenced primary takes no writes.
    run("set session_replication_role = replica; update region set name = 'eu2';"
        " reset session_replication_role");
    EXPECT_NE(fence("2, 'http://other'").find("knows epoch 2 already"), std::string::npos);
}

TEST_F(RegionFunctions, fence_again_for_the_region_that_has_answered_by_http) {
    run("update region set kind = 'full', url = 'http://joined';"
        " update instance set role = 'fenced', epoch = 2, replaced_by = 'http://joined'");
    EXPECT_EQ(refusal("select region_fence(2, 'http://new')"), "(none)");
    run("update instance set replaced_by = 'http://other', fenced_by = null");
    EXPECT_NE(refusal("select region_fence(2, 'http://newer')"), "(none)");
}

TEST_F(RegionFunctions, bring_back_no_token_that_was_revoked_but_the_regions_own) {
    const auto add = [this](const std::string& hash, const std::string& rest) {
        run("insert into token (hash, name, scopes, caches, revoked_at) values"
            " (decode(repeat('" +
            hash + "', 32), 'hex'), " + rest + ", now())");
    };
    add("aa", "'admin', '{admin}', null");
    add("bb", "'region.eu1', '{admin}', null");
    add("cc", "'region.eu1', '{read}', '{1}'");
    for (const std::string hash : {"aa", "bb", "cc"}) {
        const auto said = accept(hash);
        EXPECT_NE(said.find("is another's here"), std::string::npos) << said;
    }
    EXPECT_EQ(ask("select count(*) from token where revoked_at is null"), "0");
    EXPECT_EQ(ask("select count(*) from region where joined_at is not null"), "0");
    for (const std::string hash : {"dd", "ee", "dd"}) EXPECT_EQ(accept(hash), "(none)");
    EXPECT_EQ(
        ask("select string_agg(left(encode(hash, 'hex'), 2) || (revoked_at is null), ' ' order by "
            "hash)"
            " from token where name = 'region.eu1' and scopes = '{read}' and caches is null"),
        "ddtrue eefalse"
    );
}

TEST_F(RegionFunctions, let_only_a_full_region_read_more_than_it_takes_to_answer) {
    const auto readable = [this] {
        return ask(
            "select string_agg(relname, ' ' order by relname) from pg_class"
            " where relname in ('audit', 'graph', 'narinfo', 'own_count', 'region', 'token')"
            " and has_table_privilege('mallory', oid, 'select')"
        );
    };
    EXPECT_EQ(readable(), "narinfo token");
    EXPECT_EQ(accept("aa"), "(none)");
    EXPECT_EQ(readable(), "narinfo token");
    for (int again = 0; again < 2; ++again) {
        EXPECT_EQ(accept("aa", "full"), "(none)");
        EXPECT_EQ(readable(), "audit graph narinfo region token");
    }
    EXPECT_EQ(accept("aa"), "(none)");
    EXPECT_EQ(readable(), "narinfo token");
}

}  // namespace
}  // namespace narthex::test
