#include "narinfos_fixture.hpp"

#include "narthex/core/glob.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/db/path_ids.hpp"
#include "narthex/db/roots.hpp"

#include <fnmatch.h>
#include <rapidcheck.h>

#include <algorithm>

namespace narthex::db {
namespace {

using test::made_up;
using test::path_hash;

class Roots : public NarinfosTest {
  protected:
    std::vector<int> ids(const std::vector<HashPart>& paths) {
        std::vector<int> out;
        connection_.write([&](Tx& tx) {
            out.clear();
            for (const auto& path : assign_path_ids(tx, k_default, paths)) out.push_back(path.id);
        });
        return out;
    }

    std::optional<int> insert(const NewRoot& root, int cache = k_default) {
        std::optional<int> id;
        connection_.write([&](Tx& tx) { id = insert_root(tx, cache, root); });
        return id;
    }

    void hide(int path, bool active) {
        test::execute(
            database_.uri(),
            "with b as (insert into hide_batch (reason, active) values ('test', " +
                std::string(active ? "true" : "false") +
                ") returning id) insert into hidden (cache, hash, batch) select 1, " + hex(path) +
                ", id from b"
        );
    }
};

NewRoot list(const std::string& name, std::vector<int> paths) {
    NewRoot root;
    root.name = name;
    root.kind = RootKind::list;
    root.paths = std::move(paths);
    return root;
}

TEST_F(Roots, are_kept_as_they_are_given) {
    auto root = list("all/of:it@1", {3, 5, 9});
    root.owner = "it's \"me\"";
    root.reason = "\\ {,} \xc3\xa9";
    root.never_delete = true;
    root.expires_at = 1'900'000'000;
    const auto id = insert(root).value();
    EXPECT_FALSE(insert(root));
    EXPECT_TRUE(insert(root, 2));
    connection_.write([&](Tx& tx) {
        const auto known = lock_root(tx, k_default, root.name).value();
        EXPECT_EQ(known.id, id);
        EXPECT_EQ(known.kind, RootKind::list);
        EXPECT_EQ(known.paths, 3U);
        EXPECT_EQ(known.owner, root.owner);
        EXPECT_EQ(known.reason, root.reason);
        EXPECT_EQ(known.expires_at, root.expires_at);
        EXPECT_TRUE(known.never_delete);
        EXPECT_FALSE(lock_root(tx, k_default, "another"));
        EXPECT_TRUE(has_paths(tx, id, std::vector{3, 5, 9}));
        EXPECT_FALSE(has_paths(tx, id, std::vector{3, 5}));
        const auto loaded = load_roots(tx, std::vector{id, id + 1000});
        ASSERT_EQ(loaded.size(), 1U);
        EXPECT_EQ(loaded[0].paths, (std::vector{3, 5, 9}));
        EXPECT_EQ(loaded[0].kind, "list");
        update_root(tx, id, list(root.name, {4}));
        EXPECT_TRUE(has_paths(tx, id, std::vector{4}));
        delete_root(tx, id);
        EXPECT_TRUE(list_roots(tx, k_default).empty());
        EXPECT_EQ(list_roots(tx, 2).size(), 1U);
    });
}

TEST_F(Roots, tell_what_is_not_served) {
    store({made_up(1), made_up(2), made_up(3)});
    hide(2, true);
    hide(3, false);
    auto paths = ids({path_hash(1), path_hash(2), path_hash(3), path_hash(4)});
    std::ranges::sort(paths);
    const int root = insert(list("some", paths)).value();
    const int whole = insert(list("whole", ids({path_hash(1), path_hash(3)}))).value();
    connection_.read([&](Tx& tx) {
        const auto unserved = count_unserved_paths(tx, std::vector{root, whole});
        EXPECT_EQ(unserved, (std::map<int, std::size_t>{{root, 2}}));
        const auto pages = list_root_paths(tx, root, 0, 3);
        auto all = pages;
        for (const auto& path : list_root_paths(tx, root, 3, 3)) all.push_back(path);
        EXPECT_EQ(pages.size(), 3U);
        ASSERT_EQ(all.size(), 4U);
        for (const auto& path : all) {
            const bool served = path.hash == path_hash(1) || path.hash == path_hash(3);
            EXPECT_EQ(path.served, served);
            EXPECT_EQ(path.name.empty(), path.hash == path_hash(4));
        }
        EXPECT_TRUE(list_root_paths(tx, root, 4, 3).empty());
        EXPECT_EQ(root_hashes(tx, std::vector{root, whole}).size(), 4U);
        EXPECT_EQ(hidden_matching(tx, k_default, glob_regex("path-[23]").value()).size(), 2U);
        EXPECT_EQ(
            hidden_matching(tx, k_default, glob_regex("?ath-2").value()), std::vector{path_hash(2)}
        );
    });
}

TEST_F(Roots, channels_have_rules) {
    const RetentionRule rule{ChannelStatus::rolling, 3, 90 * 86'400};
    connection_.write([&](Tx& tx) {
        const int id = store_channel(tx, k_default, "nixos", rule);
        EXPECT_EQ(store_channel(tx, k_default, "nixos", rule), id);
        EXPECT_EQ(lock_channel(tx, k_default, "nixos")->rule, rule);
        EXPECT_FALSE(lock_channel(tx, 2, "nixos"));
        const RetentionRule other{ChannelStatus::end_of_life, {}, {}};
        EXPECT_EQ(store_channel(tx, k_default, "nixos", other), id);
        ASSERT_EQ(list_channels(tx, k_default).size(), 1U);
        EXPECT_EQ(list_channels(tx, k_default)[0].rule, other);
        auto bump = list("nixos@1", {1});
        bump.kind = RootKind::bump;
        bump.channel = id;
        bump.bumped_at = 1'700'000'000;
        EXPECT_TRUE(insert_root(tx, k_default, bump));
        EXPECT_EQ(list_roots(tx, k_default)[0].channel, id);
        EXPECT_EQ(list_roots(tx, k_default)[0].bumped_at, bump.bumped_at);
    });
    // With its bumps only.
    EXPECT_THROW(
        connection_.write([](Tx& tx) { delete_channel(tx, list_channels(tx, k_default).at(0).id); }
        ),
        QueryFailed
    );
}

TEST_F(Roots, audit_is_told_the_newest_first) {
    connection_.write([](Tx& tx) {
        add_audit(tx, {"me", "root add", k_default, "a", "why", R"({"paths": 3})"});
        add_audit(tx, {"you", "root add", 2, "b", "", "{}"});
        add_audit(tx, {"\xc3\xa9 \"'", "token create", std::nullopt, "c", "", "{}"});
    });
    connection_.read([](Tx& tx) {
        const auto rows = list_audit(tx, k_default, 0, std::nullopt, 10);
        ASSERT_EQ(rows.size(), 2U);
        EXPECT_EQ(rows[0].audit.who, "\xc3\xa9 \"'");
        EXPECT_FALSE(rows[0].audit.cache);
        EXPECT_EQ(rows[1].audit.subject, "a");
        EXPECT_EQ(rows[1].audit.details, R"({"paths": 3})");
        EXPECT_EQ(list_audit(tx, k_default, 0, std::nullopt, 1).size(), 1U);
        EXPECT_EQ(list_audit(tx, k_default, 0, rows[0].id, 10).size(), 1U);
        EXPECT_TRUE(list_audit(tx, k_default, rows[0].at + 100, std::nullopt, 10).empty());
    });
}

// --- patterns ---

struct Case {
    std::string pattern;
    std::string name;
};

std::string any_pattern() {
    const auto part = [] {
        const auto set = "[" + *rc::gen::element<std::string>("", "!", "^") +
                         *rc::gen::element<std::string>(
                             "a", "]", "-", "a-c", "x-z9", "]b", "-!", ".", "?*", "a-", "^a", "_+"
                         ) +
                         "]";
        return *rc::gen::element<std::string>(
            "*",
            "?",
            "a",
            "b",
            "c",
            ".",
            "-",
            "+",
            "=",
            "_",
            "x9",
            "A",
            "]",
            "^",
            "!",
            set,
            set,
            set
        );
    };
    std::string pattern;
    const int parts = *rc::gen::inRange(1, 6);
    for (int i = 0; i < parts; ++i) pattern += part();
    return pattern;
}

std::vector<Case> any_cases() {
    const auto letters = std::string("abcxz9A.-+=_?");
    std::vector<Case> cases;
    for (int i = 0; i < 100; ++i) {
        cases.push_back(
            {any_pattern(), *rc::gen::container<std::string>(rc::gen::elementOf(letters))}
        );
    }
    return cases;
}

std::string quoted(const std::string& text) {
    return "'" + text + "'";
}

// Rows with the number of each case that PostgreSQL matches.
std::string matched_by(const std::string& uri, const std::vector<Case>& cases) {
    std::string rows;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto regex = glob_regex(cases[i].pattern);
        if (!regex) continue;
        rows += (rows.empty() ? "(" : ", (") + std::to_string(i) + ", " + quoted(cases[i].name) +
                ", " + quoted(*regex) + ")";
    }
    return test::query(
        uri,
        "select coalesce(string_agg(i::text, ' ' order by i), '') from (values " + rows +
            ") v (i, name, regex) where name ~ regex"
    );
}

std::string matched_by_fnmatch(const std::vector<Case>& cases) {
    std::string out;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto& [pattern, name] = cases[i];
        if (!glob_regex(pattern)) continue;
        if (::fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
        out += (out.empty() ? "" : " ") + std::to_string(i);
    }
    return out;
}

TEST_F(Roots, patterns_match_in_the_database_what_fnmatch_does) {
    EXPECT_TRUE(rc::check([this] {
        const auto cases = any_cases();
        RC_ASSERT(matched_by(database_.uri(), cases) == matched_by_fnmatch(cases));
    }));
    const std::vector<Case> cases{
        {"linux-*", "linux-6.1"},
        {"linux-*", "xlinux-6.1"},
        {"?.tar", "axtar"},
        {"a+b?c", "a+b?c"},
        {"[!a-c]x[]-]", "dx]"},
        {"*", "anything"}};
    EXPECT_EQ(matched_by(database_.uri(), cases), "0 3 4 5");
}

}  // namespace
}  // namespace narthex::db
