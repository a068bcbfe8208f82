// Statements that were prepared while the tables were empty are index scans when they are not.
#include "../../src/db/pqxx.hpp"
#include "narinfos_fixture.hpp"

#include "narthex/db/kept_nars.hpp"
#include "narthex/db/sql.hpp"
#include "narthex/db/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

namespace narthex::db {
namespace {

using namespace test;

// So many narinfos, paths, rows of the graph, NARs, their places and companions that
// reading one of the tables shows in any plan. The triggers would double the time.
constexpr const char* k_fill_tables = R"(
create temporary table made as
    select n, substring(sha256(int4send(n)) for 20) hash from generate_series(1, 100000) n;
insert into narinfo (cache, hash, name, text, nar_hash, nar_size)
    select 1, hash, 'x', 'y', sha256(''), 1 from made order by hash;
insert into path (id, cache, hash) select n + 1000, 1, hash from made order by hash;
insert into graph select n + 1000, array[n, n + 500] from made;
insert into nar (id, cache, url, compression)
    overriding system value select n + 1000, 1, 'nar/' || n + 1000, 'xz' from made;
insert into narinfo_nar select 1, hash, n + 1000 from made order by hash;
insert into tag select 1, hash, 'a', n::text from made order by hash;
insert into purged_narinfo (cache, hash, plan, name, text, nar_hash, nar_size, first_seen)
    select 1, hash, 1, 'x', 'URL: nar/' || n, sha256(''), 1, now() from made order by hash;
insert into site (kind, base) values ('file', '/many');
insert into nar_location select n + 1000, id, 'x' from made, site where base = '/many';
insert into companion (cache, path, kind, output_hash, content)
    select 1, 'log/' || n, 'log', hash, 'x' from made;
)";

const Tag k_tag{"a", "b"};

struct Asked {
    const Statement* statement;
    const char* arguments;
};

// What an upload says to the database, and the reader of a companion. The table `upload` doesn't
// grow: it has those of a day. The sweep, which joins it with others in the background, isn't held.
const Asked k_of_uploads[] = {
    {&sql::insert_uploaded_nar, "1, 'nar/x', '\\x00', 1"},
    {&sql::find_nar, "1, 'nar/x'"},
    {&sql::complete_nar, "1, '\\x00', 1"},
    {&sql::insert_nar_location, "1, 1, 'x'"},
    {&sql::insert_upload, "1, 1, 'x'"},
    {&sql::renew_upload, "1"},
    {&sql::find_uploaded_nars, "1, '{nar/x}'"},
    {&sql::find_stored_narinfo, "1, '\\x00'"},
    {&sql::insert_narinfo_line, "1, '\\x00', 'x'"},
    {&sql::set_nar_compressions, "'{1}', '{xz}'"},
    {&sql::store_companion, "1, 'log/x', 'log', '', '\\x00'"},
    {&sql::find_companion, "1, 'log/x'"},
};

// What store_narinfos says of each batch.
const Asked k_of_narinfos[] = {
    {&sql::insert_narinfos,
     "1, '{\"\\\\x00\"}', '{x}', '{x}', '{\"\\\\x00\"}', '{1}', '{x}', '{x}', '{x}'"},
    {&sql::find_conflicts, "1, '{\"\\\\x00\"}', '{x}', '{\"\\\\x00\"}', '{1}'"},
    {&sql::insert_graph, "'{1}', '{\"{1}\"}'"},
    {&sql::insert_nars, "1, '{nar/x}', '{xz}', '{\"\\\\x00\"}', '{1}'"},
    {&sql::insert_narinfo_nars, "1, '{\"\\\\x00\"}', '{nar/x}'"},
    {&sql::insert_nar_locations, "1, '{\"\\\\x00\"}', '{nar/x}', '{1}', '{x}'"},
};

// What `narthex check` says of each batch. It goes through the whole cache, but only once.
const Asked k_of_checks[] = {
    {&sql::check_narinfos, "1, '{\"\\\\x00\"}'"},
    {&sql::list_nars_of, "1, '{\"\\\\x00\"}'"},
    {&sql::find_missing_references, "1, '{\"\\\\x00\"}'"},
    {&sql::sample_hash_parts, "1, '{\"\\\\x00\"}'"},
    {&sql::list_hash_parts, "1, '\\x00', 1"},
    {&sql::forget_nar_location, "1, 1"},
    {&sql::forget_unnamed_nar, "1"},
};

// By one of these columns a row is found, or where to begin in a key's order.
constexpr const char* k_keys[] = {
    "hash = ", "hash > ", "hash >= ", "url = ", "nar = ", "id = ", "key = ", "path = "};

class Plans : public NarinfosTest {
  protected:
    // The plan of a statement that the connection has prepared, as it would run now.
    static std::string plan(Tx& tx, const Statement& statement, const std::string& arguments) {
        std::string out;
        const auto text = fmt::format("explain execute {}({})", statement.name, arguments);
        for (const auto& row : tx.transaction.exec(text)) out += row[0].as<std::string>() + "\n";
        return out;
    }

    // Every table that grows is read by an index, and by the columns that tell its rows apart.
    static void expect_lookups(const std::string& plan) {
        static const std::set<std::string> growing{
            "companion",
            "graph",
            "hidden",
            "nar",
            "nar_location",
            "narinfo",
            "narinfo_line",
            "narinfo_nar",
            "path",
            "purged_narinfo",
            "tag"};
        std::istringstream lines(plan);
        std::string line;
        while (std::getline(lines, line)) {
            const auto at = line.find(" on ");
            if (line.find("Scan") == std::string::npos || at == std::string::npos) continue;
            const auto table = line.substr(at + 4, line.find(' ', at + 4) - at - 4);
            if (!growing.contains(table) || line.find("Tid Scan") != std::string::npos) continue;
            EXPECT_NE(line.find("Index"), std::string::npos) << plan;
            std::getline(lines, line);
            EXPECT_NE(line.find("Index Cond: "), std::string::npos) << plan;
            const auto is_in_line = [&](const char* condition) {
                return line.find(condition) != std::string::npos;
            };
            EXPECT_TRUE(std::ranges::any_of(k_keys, is_in_line)) << plan;
        }
    }

    void expect_lookups_everywhere() {
        serving_.read([](Tx& tx) {
            expect_lookups(plan(tx, sql::find_narinfos, "'{1}', '{\"\\\\x00\"}'"));
            expect_lookups(plan(tx, sql::find_nar_files, "'{1}', '{nar/x}'"));
            expect_lookups(plan(tx, sql::find_present, "'{1}', '{\"\\\\x00\"}'"));
            expect_lookups(plan(tx, sql::closure_members, "1, '\\x00', 10"));
            expect_lookups(plan(tx, sql::find_kept_narinfos, "'{1}', '{\"\\\\x00\"}', 30"));
            expect_lookups(plan(tx, sql::find_placed_nars, "'{1}', '{nar/x}'"));
        });
        expect_by_url();
        connection_.write([](Tx& tx) {
            for (const auto* statement : {&sql::insert_paths, &sql::path_ids}) {
                expect_lookups(plan(tx, *statement, "1, '{\"\\\\x00\"}'"));
            }
            expect_lookups(plan(tx, sql::find_dangling, "'{1}'"));
            expect_lookups(plan(tx, sql::find_known, "1, '{\"\\\\x00\"}'"));
            expect_lookups(plan(tx, sql::list_tagged_paths, "1, 'a', 'b', '', 10"));
            expect_lookups(plan(tx, sql::delete_tags, "1, '{\"\\\\x00\"}', 'a', 'b'"));
            for (const auto* statement :
                 {&sql::find_held_narinfos,
                  &sql::find_path_ids,
                  &sql::closure_ids,
                  &sql::find_in_batches,
                  &sql::find_rescued,
                  &sql::find_purged_since,
                  &sql::rescue_paths}) {
                expect_lookups(plan(tx, *statement, "1, '{\"\\\\x00\"}'"));
            }
            expect_lookups(plan(tx, sql::find_nar_ids, "1, '{nar/x}'"));
            expect_lookups(plan(tx, sql::export_narinfos, "1, '{1}', false"));
            for (const auto* statement : {&sql::closure_sizes, &sql::find_fate}) {
                expect_lookups(plan(tx, *statement, "1, '\\x00'"));
            }
            expect_lookups(plan(tx, sql::list_path_names, "'{1}'"));
            expect_lookups(plan(tx, sql::list_plan_paths, "1, 0, 10, 1"));
            expect_lookups(plan(tx, sql::find_hidden, "'{1}', '{\"\\\\x00\"}'"));
            expect_lookups(plan(tx, sql::lease_paths, "'{1}', '{\"\\\\x00\"}', 24"));
            for (const auto* statement : {&sql::count_unserved_paths, &sql::root_hashes}) {
                expect_lookups(plan(tx, *statement, "'{1}'"));
            }
            expect_lookups(plan(tx, sql::list_root_paths, "1, 1, 10"));
            for (const auto& asked : k_of_narinfos) {
                expect_lookups(plan(tx, *asked.statement, asked.arguments));
            }
            for (const auto& asked : k_of_uploads) {
                expect_lookups(plan(tx, *asked.statement, asked.arguments));
            }
            for (const auto& asked : k_of_checks) {
                expect_lookups(plan(tx, *asked.statement, asked.arguments));
            }
        });
    }

    // By a bitmap, which the others never use.
    void expect_by_url() {
        serving_.read([](Tx& tx) {
            exec(tx, sql::read_by_bitmap);
            const auto text =
                plan(tx, sql::find_purged_nars, "'{default}', '{nar/x}', '{nar/x}', 30");
            EXPECT_NE(text.find("Bitmap Index Scan on purged_narinfo_urls"), std::string::npos)
                << text;
        });
    }

    void use_every_statement() {
        EXPECT_TRUE(dangling(store_at("/srv", {made_up(1)})).empty());
        const std::vector paths{PathKey{k_default, path_hash(1)}};
        const std::vector nars{NarKey{k_default, "nar/1.nar.xz"}};
        EXPECT_EQ(lookups_.find_narinfos(paths).served.size(), 1U);
        EXPECT_EQ(lookups_.find_nar_files(nars).size(), 1U);
        EXPECT_EQ(lookups_.find_present(paths).size(), 1U);
        EXPECT_EQ(lookups_.closure_members(paths[0], 10).size(), 1U);
        connection_.write([&](Tx& tx) {
            const std::vector hashes{path_hash(1)};
            EXPECT_EQ(find_known(tx, k_default, hashes).size(), 1U);
            add_tags(tx, k_default, hashes, {&k_tag, 1});
            EXPECT_EQ(list_tagged(tx, k_default, k_tag, std::nullopt, 10).size(), 1U);
            remove_tag(tx, k_default, hashes, k_tag);
        });
        connection_.write([](Tx& tx) {
            for (const auto* statement :
                 {&sql::find_held_narinfos,
                  &sql::find_path_ids,
                  &sql::find_nar_ids,
                  &sql::closure_ids,
                  &sql::find_in_batches,
                  &sql::find_rescued,
                  &sql::find_purged_since,
                  &sql::rescue_paths,
                  &sql::lease_paths,
                  &sql::count_unserved_paths,
                  &sql::root_hashes,
                  &sql::list_root_paths,
                  &sql::closure_sizes,
                  &sql::find_fate,
                  &sql::list_path_names,
                  &sql::list_plan_paths,
                  &sql::export_narinfos}) {
                prepare(tx, *statement);
            }
            for (const auto& asked : k_of_narinfos) prepare(tx, *asked.statement);
            for (const auto& asked : k_of_uploads) prepare(tx, *asked.statement);
            for (const auto& asked : k_of_checks) prepare(tx, *asked.statement);
        });
        connection_.read([&](Tx& tx) { EXPECT_TRUE(find_hidden(tx, paths).empty()); });
        // The same, prepared on a connection that can be asked for its plans.
        serving_.read([](Tx& tx) {
            prepare(tx, sql::find_narinfos);
            prepare(tx, sql::find_nar_files);
            prepare(tx, sql::find_present);
            prepare(tx, sql::closure_members);
            prepare(tx, sql::find_kept_narinfos);
            prepare(tx, sql::find_placed_nars);
        });
        serving_.read([](Tx& tx) {
            const std::vector<std::string> caches{"default"};
            const std::vector<std::string> urls{"nar/x"};
            EXPECT_EQ(are_purged_lately(tx, caches, urls, 30), std::vector{false});
        });
    }

    Connection serving_{database_.uri(), Session::serving};
};

TEST_F(Plans, of_an_empty_database_look_rows_up_by_their_keys) {
    use_every_statement();
    expect_lookups_everywhere();
}

TEST_F(Plans, of_a_nearly_empty_database_stay_lookups_when_many_rows_come) {
    // Before the plans are made: it would make PostgreSQL plan again.
    for (const std::string table : {"narinfo", "nar", "nar_location", "companion"}) {
        execute(database_.uri(), "alter table " + table + " disable trigger changed");
    }
    store_at("/srv", {made_up(1)});
    execute(database_.uri(), "vacuum analyze");
    use_every_statement();
    expect_lookups_everywhere();
    execute(database_.uri(), k_fill_tables);
    expect_lookups_everywhere();
    execute(database_.uri(), "analyze");  // PostgreSQL plans again
    expect_lookups_everywhere();
    use_every_statement();
    EXPECT_EQ(store({made_up(2, {1})}).fates, std::vector{Fate::added});
}

TEST_F(Plans, of_deleting_a_regions_counts_find_them_by_their_day) {
    connection_.write([](Tx& tx) {
        prepare(tx, sql::delete_own_counts);
        const auto text = plan(tx, sql::delete_own_counts, "7, 1000");
        EXPECT_NE(text.find("Index Scan using own_count_sent"), std::string::npos) << text;
    });
}

TEST_F(Plans, of_sessions_without_the_settings_are_told_apart) {
    Connection work(database_.uri(), Session::work);
    execute(
        database_.uri(),
        "insert into path select n, 1, substring(sha256(int4send(n)) for 20)"
        " from generate_series(1, 20) n; analyze path"
    );
    work.write([](Tx& tx) {
        prepare(tx, sql::path_ids);
        exec(tx, sql::path_ids, 1, std::string("{}"));
        const auto text = plan(tx, sql::path_ids, "1, '{\"\\\\x00\"}'");
        EXPECT_EQ(text.find("(cache = $1) AND (hash = u.hash)"), std::string::npos) << text;
    });
}

}  // namespace
}  // namespace narthex::db
