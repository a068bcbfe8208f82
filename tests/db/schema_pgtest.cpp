// What every table must have, and the triggers by which servers hear of changes.
#include "support/database.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <memory>
#include <set>
#include <stdexcept>
#include <string>

namespace narthex::test {
namespace {

using Words = std::set<std::string>;

// Tables that answers come from: a change in one is heard by every server.
const Words k_answering{
    "cache",
    "companion",
    "hidden",
    "hide_batch",
    "nar",
    "nar_location",
    "narinfo",
    "narinfo_line",
    "site",
    "token",
};
// The others. A new table goes to one of the two lists.
const Words k_silent{"audit",         "change",        "channel",        "condemned_nar",
                     "graph",         "heartbeat",     "instance",       "lease",
                     "narinfo_nar",   "own_count",     "path",           "plan",
                     "plan_path",     "purged_nar",    "purged_narinfo", "region",
                     "region_report", "request_count", "root",           "schema_migration",
                     "tag",           "token_use",     "upload"};

const std::string k_hash_a = "'\\xabc" + std::string(37, '0') + "'";  // bucket 2748
const std::string k_hash_b = "'\\x123" + std::string(37, '0') + "'";  // bucket 291

std::string narinfo_row(const std::string& hash, const std::string& cache = "1") {
    return "insert into public.narinfo (cache, hash, name, text, nar_hash, nar_size) values (" +
           cache + ", " + hash + ", 'x', 'y', '\\x" + std::string(64, '1') + "', 1);";
}

// A session that listens for changes while it makes some.
class Session {
  public:
    explicit Session(const std::string& uri) : connection_(PQconnectdb(uri.c_str()), PQfinish) {
        run("listen narthex_changed");
    }

    Words run(const std::string& statements) {
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
            PQexec(connection_.get(), statements.c_str()), PQclear
        );
        const auto status = PQresultStatus(result.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
            throw std::runtime_error(PQerrorMessage(connection_.get()));
        }
        // A session's own notifications come before the end of its command.
        Words heard;
        while (auto* notification = PQnotifies(connection_.get())) {
            heard.insert(notification->extra);
            PQfreemem(notification);
        }
        return heard;
    }

    [[nodiscard]] std::string refusal(const std::string& statements) {
        try {
            run(statements);
        } catch (const std::runtime_error& error) {
            return error.what();
        }
        return "(none)";
    }

  private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

class Schema : public testing::Test {
  protected:
    [[nodiscard]] Words words(const std::string& from) const {
        const auto text = query(
            database_.uri(),
            "select coalesce(string_agg(distinct word, ' '), '') from (" + from + ") t (word)"
        );
        Words out;
        for (std::size_t start = 0; start < text.size();) {
            const auto end = std::min(text.find(' ', start), text.size());
            out.insert(text.substr(start, end - start));
            start = end + 1;
        }
        return out;
    }

    TestDatabase database_;
    Session session_{database_.uri()};
};

const std::string k_tables =
    "select relname::text from pg_class c where relnamespace = 'public'::regnamespace"
    " and relkind in ('r', 'p') ";

TEST_F(Schema, is_the_two_lists_of_tables) {
    Words both = k_answering;
    both.insert(k_silent.begin(), k_silent.end());
    EXPECT_EQ(words(k_tables), both);
}

TEST_F(Schema, gives_every_table_a_primary_key) {
    EXPECT_EQ(
        words(
            k_tables +
            "and not exists (select from pg_index where indrelid = c.oid and indisprimary)"
        ),
        Words{}
    );
}

TEST_F(Schema, says_of_every_table_what_a_region_gets) {
    EXPECT_EQ(
        words(
            k_tables +
            "and coalesce(obj_description(oid, 'pg_class'), '') !~ '^(serve|full|local): .'"
        ),
        Words{}
    );
}

TEST_F(Schema, has_the_trigger_on_just_the_tables_that_answers_come_from) {
    const std::string triggered =
        "select tgrelid::regclass::text from pg_trigger where tgname = 'changed' ";
    EXPECT_EQ(words(triggered), k_answering);
    // A row trigger, after insert, delete and update (1 | 4 | 8 | 16), also in the apply worker. Of
    // hidden paths without insert: they are written before they have an effect.
    const std::string always = triggered + "and tgenabled = 'A' and tgtype = ";
    Words both = words(always + "29");
    EXPECT_EQ(words(always + "25"), Words{"hidden"});
    both.insert("hidden");
    EXPECT_EQ(both, k_answering);
}

TEST_F(Schema, lets_only_a_primary_write_what_is_replicated) {
    const std::string replicated =
        k_tables + "and obj_description(oid, 'pg_class') ~ '^(serve|full):'";
    // A statement trigger, before insert, delete, update and truncate (2 | 4 | 8 | 16 | 32), that
    // the apply worker doesn't fire.
    EXPECT_EQ(
        words("select tgrelid::regclass::text from pg_trigger where tgname = 'only_primary'"
              " and tgenabled = 'O' and tgtype = 62"),
        words(replicated)
    );
    session_.run(
        "update instance set role = 'region', name = 'eu1', kind = 'full',"
        " primary_url = 'http://p'"
    );
    EXPECT_NE(
        session_.refusal(narinfo_row(k_hash_a)).find("region eu1: write on its primary, http://p"),
        std::string::npos
    );
    session_.run("insert into lease values (1, " + k_hash_a + ", now())");
    session_.run("set session_replication_role = replica");
    EXPECT_EQ(session_.run(narinfo_row(k_hash_a)), Words{"1:2748"});
}

TEST_F(Schema, notifies_the_bucket_of_the_hash_for_rows_that_come_change_and_go) {
    EXPECT_EQ(session_.run(narinfo_row(k_hash_a)), Words{"1:2748"});
    EXPECT_EQ(session_.run("update narinfo set name = 'z'"), Words{"1:2748"});
    EXPECT_EQ(session_.run("update narinfo set hash = " + k_hash_b), (Words{"1:2748", "1:291"}));
    EXPECT_EQ(session_.run("delete from narinfo"), Words{"1:291"});
    EXPECT_EQ(session_.run("delete from narinfo"), Words{});
}

TEST_F(Schema, notifies_of_every_bucket_from_the_first_to_the_last) {
    EXPECT_EQ(session_.run(narinfo_row("'\\x" + std::string(40, '0') + "'")), Words{"1:0"});
    EXPECT_EQ(session_.run(narinfo_row("'\\x" + std::string(40, 'f') + "'")), Words{"1:4095"});
    EXPECT_EQ(
        session_.run(narinfo_row("'\\x00f" + std::string(37, 'f') + "'", "7")), Words{"7:15"}
    );
}

TEST_F(Schema, notifies_of_lines_and_hidden_paths_by_bucket) {
    EXPECT_EQ(
        session_.run("insert into narinfo_line values (3, " + k_hash_a + ", 'Sig: x')"),
        Words{"3:2748"}
    );
    session_.run("insert into hide_batch (reason) values ('test')");
    EXPECT_EQ(
        session_.run("insert into hidden select 1, " + k_hash_b + ", id from hide_batch"), Words{}
    );
    EXPECT_EQ(session_.run("delete from hidden"), Words{"1:291"});
}

TEST_F(Schema, notifies_of_the_other_tables_by_their_names) {
    EXPECT_EQ(
        session_.run("insert into cache (name, store_dir) values ('a', '/nix/store')"),
        Words{"cache"}
    );
    EXPECT_EQ(session_.run("insert into site (kind, base) values ('file', '/n')"), Words{"site"});
    EXPECT_EQ(
        session_.run("insert into nar (cache, url, compression) values (1, 'nar/x', 'xz')"),
        Words{"nar"}
    );
    EXPECT_EQ(
        session_.run("insert into nar_location select n.id, s.id, 'x' from nar n, site s"),
        Words{"nar_location"}
    );
    EXPECT_EQ(
        session_.run("insert into companion values (1, 'log/x', 'log', null, 'text')"),
        Words{"companion"}
    );
}

TEST_F(Schema, notifies_of_hide_batches_when_they_take_effect_or_lose_it) {
    EXPECT_EQ(session_.run("insert into hide_batch (id, reason) values (9, 'a')"), Words{});
    EXPECT_EQ(session_.run("update hide_batch set active = true"), Words{"hide_batch"});
    EXPECT_EQ(session_.run("update hide_batch set active = false"), Words{"hide_batch"});
    EXPECT_EQ(session_.run("update hide_batch set announced = 32"), Words{"buckets:0:32"});
    EXPECT_EQ(session_.run("update hide_batch set announced = 4095"), Words{"buckets:32:4095"});
    EXPECT_EQ(session_.run("update hide_batch set active = true"), Words{"hide_batch"});
    EXPECT_EQ(session_.run("update hide_batch set announced = 4096"), Words{"buckets:4095:4096"});
    EXPECT_EQ(session_.run("update hide_batch set active = false"), Words{"batch:9"});
    EXPECT_EQ(session_.run("update hide_batch set announced = 0"), Words{});
    EXPECT_EQ(session_.run("update hide_batch set active = true"), Words{"hide_batch"});
    EXPECT_EQ(
        session_.run("insert into hide_batch (active, reason) values (true, 'a')"),
        Words{"hide_batch"}
    );
    EXPECT_EQ(session_.run("delete from hide_batch where id = 9"), Words{"hide_batch"});
}

// So it runs in the apply worker of a region.
TEST_F(Schema, notifies_without_a_search_path_and_as_a_replica) {
    session_.run("set search_path = ''; set session_replication_role = replica");
    EXPECT_EQ(session_.run(narinfo_row(k_hash_a)), Words{"1:2748"});
    EXPECT_EQ(session_.run("delete from public.narinfo"), Words{"1:2748"});
    session_.run("insert into public.hide_batch (id, reason, announced) values (9, 'a', 4096)");
    EXPECT_EQ(session_.run("update public.hide_batch set active = true"), Words{"batch:9"});
    EXPECT_EQ(
        session_.run("insert into public.site (kind, base) values ('url', 'https://a')"),
        Words{"site"}
    );
}

TEST_F(Schema, folds_the_notifications_of_a_bulk_change) {
    const auto heard = session_.run(
        "insert into narinfo (cache, hash, name, text, nar_hash, nar_size)"
        " select 1, substring(sha256(n::text::bytea) for 20), 'x', 'y', sha256(''), 1"
        " from generate_series(1, 20000) n"
    );
    EXPECT_GT(heard.size(), 3000U);
    EXPECT_LE(heard.size(), 4096U);
}

TEST_F(Schema, takes_no_null_among_references) {
    session_.run("insert into graph values (1, '{}'), (2, '{1,2}')");
    for (const std::string refs : {"'{null}'", "'{1,null}'", "'{null,1}'", "null"}) {
        const auto refusal = session_.refusal("insert into graph values (3, " + refs + ")");
        EXPECT_NE(refusal.find("violates"), std::string::npos) << refs << refusal;
    }
    EXPECT_NE(session_.refusal("update graph set refs = refs || null::int"), "(none)");
}

TEST_F(Schema, takes_hashes_of_just_their_length) {
    EXPECT_NE(session_.refusal(narinfo_row("'\\xab'")).find("violates check"), std::string::npos);
    EXPECT_NE(session_.refusal("insert into path values (1, 1, '\\xabcd')"), "(none)");
    EXPECT_NE(session_.refusal("insert into narinfo_nar values (1, '', 1)"), "(none)");
}

}  // namespace
}  // namespace narthex::test
