#include "../../src/db/pqxx.hpp"
#include "support/cluster_fixture.hpp"
#include "support/database.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/hash.hpp"
#include "narthex/db/migrate.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/sql.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <future>
#include <vector>

namespace narthex::db {
namespace {

using test::execute;
using test::query;
using Names = std::vector<std::string>;

constexpr std::array k_three{
    Migration{1, "0001_a", "create table a (x int); insert into a values (1)"},
    Migration{2, "0002_b", "create table b (x int); alter table a add y int"},
    Migration{3, "0003_c", "create table c (x int)"},
};
constexpr std::span k_two = std::span(k_three).first<2>();

class Migrate : public testing::Test {
  protected:
    MigrateReport run(std::span<const Migration> migrations) const {
        Connection connection(database_.uri(), Session::work);
        return migrate(connection, migrations);
    }

    [[nodiscard]] std::string refusal(std::span<const Migration> migrations) const {
        try {
            static_cast<void>(run(migrations));
        } catch (const SchemaMismatch& error) {
            return error.what();
        }
        return "(none)";
    }

    // What this program has, and one more.
    [[nodiscard]] static std::vector<Migration> one_more() {
        const auto ours = embedded_migrations();
        std::vector<Migration> out(ours.begin(), ours.end());
        out.push_back({static_cast<int>(out.size()) + 1, "next", "create table next (x int)"});
        return out;
    }

    // One whose schema is so many versions older than this program's; `state` sets when it joined,
    // left.
    void add_region(const std::string& name, const std::string& state, int older) const {
        const auto version = embedded_migrations().size() - static_cast<std::size_t>(older);
        execute(
            database_.uri(),
            "insert into region (name, login, invite_until) values ('" + name + "', '" + name +
                "', now());"
                " update region set " +
                state + " where name = '" + name +
                "';"
                " insert into region_report (name, epoch, schema_version, errors, trouble)"
                " values ('" +
                name + "', 1, " + std::to_string(version) + ", 0, '')"
        );
    }

    [[nodiscard]] std::string why_not_current() const {
        Connection connection(database_.uri(), Session::serving);
        try {
            require_current_schema(connection);
        } catch (const SchemaMismatch& error) {
            return error.what();
        }
        return "(it is)";
    }

    [[nodiscard]] std::string recorded() const {
        return query(
            database_.uri(),
            "select coalesce(string_agg(version || ' ' || name, ', ' order by version), '')"
            " from schema_migration"
        );
    }

    [[nodiscard]] std::string tables() const {
        return query(
            database_.uri(),
            "select coalesce(string_agg(tablename, ' ' order by tablename), '') from pg_tables"
            " where schemaname = 'public'"
        );
    }

    test::TestDatabase database_{test::Template::empty};
};

void expect_says(const std::string& message, const std::string& words) {
    EXPECT_NE(message.find(words), std::string::npos) << message;
}

TEST(EmbeddedMigrations, are_the_files_numbered_without_gaps) {
    Names files;
    const auto directory = std::filesystem::path(NARTHEX_SOURCE_DIR) / "migrations";
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
        files.push_back(file.path().stem().string());
    }
    std::ranges::sort(files);
    Names names;
    for (const auto& migration : embedded_migrations()) {
        names.emplace_back(migration.name);
        EXPECT_EQ(migration.version, static_cast<int>(names.size())) << migration.name;
        const auto digits = std::to_string(10'000 + migration.version).substr(1);
        EXPECT_TRUE(names.back().starts_with(digits + "_")) << migration.name;
    }
    EXPECT_EQ(names, files);
}

TEST_F(Migrate, applies_what_is_missing_in_order_and_once) {
    const auto first = run(k_two);
    EXPECT_EQ(first.from_version, 0);
    EXPECT_EQ(first.to_version, 2);
    EXPECT_EQ(first.applied, (Names{"0001_a", "0002_b"}));
    const auto second = run(k_three);
    EXPECT_EQ(second.from_version, 2);
    EXPECT_EQ(second.to_version, 3);
    EXPECT_EQ(second.applied, Names{"0003_c"});
    const auto third = run(k_three);
    EXPECT_EQ(third.from_version, 3);
    EXPECT_TRUE(third.applied.empty());
    EXPECT_EQ(recorded(), "1 0001_a, 2 0002_b, 3 0003_c");
    EXPECT_EQ(query(database_.uri(), "select count(*) from a"), "1");
}

TEST_F(Migrate, records_the_checksum_of_the_text) {
    run(k_three);
    EXPECT_EQ(
        query(
            database_.uri(),
            "select encode(checksum, 'hex') from schema_migration where version = 3"
        ),
        to_hex(Sha256::of(k_three[2].text).bytes())
    );
}

TEST_F(Migrate, brings_an_empty_database_to_the_schema_of_this_program) {
    expect_says(why_not_current(), "run 'narthex migrate' first");
    const auto newest = static_cast<int>(embedded_migrations().size());
    EXPECT_EQ(migrate(database_.uri()).to_version, newest);
    EXPECT_EQ(why_not_current(), "(it is)");
    EXPECT_TRUE(migrate(database_.uri()).applied.empty());
}

TEST_F(Migrate, takes_back_all_of_a_migration_that_fails_and_keeps_those_before) {
    auto broken = k_three;
    broken[1].text = "create table b (x int); insert into a values (2); select 1 / 0";
    EXPECT_THROW(run(broken), QueryFailed);
    EXPECT_EQ(recorded(), "1 0001_a");
    EXPECT_EQ(tables(), "a schema_migration");
    EXPECT_EQ(query(database_.uri(), "select count(*) from a"), "1");
    EXPECT_EQ(run(k_three).applied, (Names{"0002_b", "0003_c"}));
}

TEST_F(Migrate, records_nothing_when_the_first_migration_fails) {
    auto broken = k_three;
    broken[0].text = "create table a (x int); create table a (x int)";
    EXPECT_THROW(run(broken), QueryFailed);
    EXPECT_EQ(tables(), "");
}

TEST_F(Migrate, lets_concurrent_callers_wait_for_each_other) {
    std::vector<std::future<MigrateReport>> callers;
    for (int i = 0; i < 8; ++i) {
        callers.push_back(std::async(std::launch::async, [this] { return run(k_three); }));
    }
    Names applied;
    for (auto& caller : callers) {
        for (auto& name : caller.get().applied) applied.push_back(std::move(name));
    }
    std::ranges::sort(applied);
    EXPECT_EQ(applied, (Names{"0001_a", "0002_b", "0003_c"}));
    EXPECT_EQ(recorded(), "1 0001_a, 2 0002_b, 3 0003_c");
}

TEST_F(Migrate, waits_while_another_migrates) {
    std::future<MigrateReport> waiting;
    Connection other(database_.uri(), Session::work);
    other.write([&](Tx& tx) {
        exec(tx, sql::lock_schema);
        waiting = std::async(std::launch::async, [this] { return run(k_three); });
        EXPECT_TRUE(test::eventually([this] {
            return query(
                       database_.uri(),
                       "select count(*) from pg_locks join pg_database d on d.oid = database"
                       " where locktype = 'advisory' and not granted"
                       " and datname = current_database()"
                   ) == "1";
        }));
        EXPECT_EQ(tables(), "");
    });
    EXPECT_EQ(waiting.get().applied.size(), 3U);
}

TEST_F(Migrate, publishes_a_new_table_in_the_transaction_that_makes_it) {
    migrate(database_.uri());
    Connection connection(database_.uri(), Session::work);
    connection.write(prepare_for_regions);
    const auto ours = embedded_migrations();
    std::vector<Migration> migrations(ours.begin(), ours.end());
    const auto add = [&](const char* name, const char* text) {
        migrations.push_back({static_cast<int>(migrations.size()) + 1, name, text});
    };
    add("a", "create table a (x int primary key); comment on table a is 'serve: x'");
    add("b", "select 1 / 0");
    // As a kill between the two.
    EXPECT_THROW(run(migrations), QueryFailed);
    migrations.pop_back();
    EXPECT_TRUE(run(migrations).applied.empty());
    EXPECT_EQ(
        query(
            database_.uri(),
            "select string_agg(pubname || ' ' || has_table_privilege('narthex_regions', 'a', "
            "'select'),"
            " ' ') from pg_publication_tables where tablename = 'a'"
        ),
        "narthex_serve true"
    );
}

TEST_F(Migrate, waits_for_regions_with_an_older_schema_and_names_one) {
    migrate(database_.uri());
    const auto before = recorded();
    const auto next = one_more();
    add_region("af1", "joined_at = now()", -1);
    add_region("eu1", "joined_at = now()", 1);
    EXPECT_TRUE(migrate(database_.uri()).applied.empty()) << "there is nothing to wait with";
    const auto said = refusal(next);
    expect_says(
        said,
        "region eu1 has schema version " + std::to_string(next.size() - 2) +
            ", and this narthex brings " + std::to_string(next.size()) + ":"
    );
    expect_says(said, "--force-regions");
    EXPECT_EQ(recorded(), before);
    Connection connection(database_.uri(), Session::work);
    EXPECT_EQ(migrate(connection, next, RegionsFirst::forced).applied, Names{"next"});
}

TEST_F(Migrate, waits_for_no_region_that_is_as_new_or_has_left_or_has_not_joined) {
    migrate(database_.uri());
    add_region("af1", "joined_at = now()", -1);
    add_region("eu1", "joined_at = now(), left_at = now()", 1);
    add_region("us1", "joined_at = null", 1);
    EXPECT_EQ(run(one_more()).applied, Names{"next"});
}

TEST_F(Migrate, refuses_a_database_that_is_newer) {
    run(k_three);
    expect_says(refusal(k_two), "has schema version 3, this narthex knows 2");
    expect_says(refusal({}), "use a newer narthex");
    EXPECT_EQ(recorded(), "1 0001_a, 2 0002_b, 3 0003_c");
}

TEST_F(Migrate, refuses_a_database_that_had_another_text_under_a_number) {
    run(k_two);
    auto changed = k_three;
    changed[1].text = "create table b (x bigint)";
    expect_says(refusal(changed), "migration 2 (0002_b) with another text");
    EXPECT_EQ(recorded(), "1 0001_a, 2 0002_b");
    EXPECT_EQ(run(k_three).applied, Names{"0003_c"});
}

TEST_F(Migrate, current_schema_is_neither_newer_nor_another) {
    migrate(database_.uri());
    execute(
        database_.uri(),
        "insert into schema_migration select max(version) + 1, 'next', '' from schema_migration"
    );
    expect_says(why_not_current(), "use a newer narthex");
    execute(database_.uri(), "delete from schema_migration where name = 'next'");
    EXPECT_EQ(why_not_current(), "(it is)");
    execute(database_.uri(), "update schema_migration set checksum = '\\x00' where version = 1");
    expect_says(why_not_current(), "with another text");
}

}  // namespace
}  // namespace narthex::db
