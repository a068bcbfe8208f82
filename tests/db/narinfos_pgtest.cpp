#include "narinfos_fixture.hpp"

#include <algorithm>
#include <set>

namespace narthex::db {
namespace {

using namespace test;
using enum Fate;
using Fates = std::vector<Fate>;
using Texts = std::vector<std::string>;

Narinfo parsed(const std::string& text) {
    return Narinfo::parse(text).value();
}

TEST_F(NarinfosTest, come_back_byte_for_byte) {
    const Texts more{
        "X-Tab: a\tb\n",
        "X-Backslash: \\N \\\\ \\t \\x41 \\\n",
        "X-Copy: \\.\n",
        "X-Quotes: ' '' \" $1 {a,b} %s\n",
        "X-Control: \x01\x02\b\f\v\x1b\x7f\n",
        "X-Utf8: caf\xc3\xa9 \xf0\x9f\x90\xa7 \xef\xbb\xbf\n",
        "X-Spaces:   two  \n",
        "X-Empty: \n",
    };
    std::string all;
    for (const auto& line : more) all += line;
    for (int i = 0; i < std::ssize(more); ++i) {
        const auto text = made_up_text(i, {i}) + more[static_cast<std::size_t>(i)];
        ASSERT_EQ(store({parsed(text)}).fates, Fates{added}) << text;
        EXPECT_EQ(text_of(i), text);
    }
    ASSERT_EQ(store({parsed(made_up_text(100) + all)}).fates, Fates{added});
    EXPECT_EQ(text_of(100), made_up_text(100) + all);
}

TEST_F(NarinfosTest, come_back_byte_for_byte_when_they_are_as_large_as_can_be) {
    auto text = made_up_text(1);
    const std::string line = "X-Long: \\" + std::string(1000, 'a') + "\n";
    while (text.size() + line.size() <= k_max_narinfo_bytes) text += line;
    ASSERT_EQ(store({parsed(text)}).fates, Fates{added});
    EXPECT_TRUE(text_of(1) == text);
}

TEST_F(NarinfosTest, keep_parsed_values_in_columns) {
    auto fields = made_up_fields(1, {2});
    fields.deriver = path_name(3).to_string() + ".drv";
    fields.ca = "fixed:r:" + Sha256::of("x").to_nix();
    store({parsed(render_nix_narinfo(fields) + "System: x86_64-linux\n"), made_up(2)});
    EXPECT_EQ(
        ask("select concat_ws(' ', name, encode(nar_hash, 'hex'), nar_size, deriver, ca, system)"
            " from narinfo where hash = " +
            hex(1)),
        "path-1 " + to_hex(fields.nar_hash.bytes()) + " 1001 " + *fields.deriver + " " +
            *fields.ca + " x86_64-linux"
    );
    EXPECT_EQ(
        ask("select deriver is null and ca is null and system is null from narinfo where hash = " +
            hex(2)),
        "t"
    );
    EXPECT_EQ(
        ask("select concat_ws(' ', url, compression, encode(file_hash, 'hex'), file_size)"
            " from nar where url = 'nar/1.nar.xz'"),
        "nar/1.nar.xz xz " + to_hex(fields.file.hash->bytes()) + " 101"
    );
}

TEST_F(NarinfosTest, are_found_among_many_and_only_those_asked_for) {
    store({made_up(1), made_up(2), made_up(3)});
    const int other = make_cache("other");
    store({made_up(2)}, other);
    const std::vector<PathKey> keys{
        {k_default, path_hash(3)},
        {k_default, path_hash(9)},
        {other, path_hash(1)},
        {k_default, path_hash(1)},
        {other, path_hash(2)},
        {k_default, path_hash(3)},  // twice: each is answered
    };
    std::map<std::size_t, std::string> texts;
    for (const auto& each : lookups_.find_narinfos(keys).served)
        texts.emplace(each.asked, each.text);
    EXPECT_EQ(
        texts,
        (std::map<std::size_t, std::string>{
            {0, made_up_text(3)}, {3, made_up_text(1)}, {4, made_up_text(2)}, {5, made_up_text(3)}})
    );
    EXPECT_TRUE(lookups_.find_narinfos({}).served.empty());
    EXPECT_TRUE(lookups_.find_nar_files({}).empty());
}

TEST_F(NarinfosTest, are_dated) {
    store({made_up(1)});
    const std::vector keys{PathKey{k_default, path_hash(1)}};
    const auto age =
        std::chrono::system_clock::now() - lookups_.find_narinfos(keys).served.at(0).first_seen;
    EXPECT_LT(age, std::chrono::minutes(5));
    EXPECT_GT(age, -std::chrono::minutes(5));
    execute(database_.uri(), "update narinfo set first_seen = '1999-12-31 23:59:59+00'");
    EXPECT_EQ(
        lookups_.find_narinfos(keys).served.at(0).first_seen,
        std::chrono::system_clock::time_point(std::chrono::seconds(946'684'799))
    );
}

TEST_F(NarinfosTest, are_added_once_then_present_whatever_their_signatures) {
    EXPECT_EQ(store({made_up(1), made_up(2, {1})}).fates, (Fates{added, added}));
    const auto before = row_counts();
    const auto again = store({made_up(2, {1}), made_up(3), made_up(1)});
    EXPECT_EQ(again.fates, (Fates{present, added, present}));
    EXPECT_EQ(again.added_ids, std::vector{static_cast<int>(id_of(3))});
    const auto key = SecretKey::generate("k");
    auto fields = made_up_fields(1);
    fields.signatures = {key.sign(made_up(1).fingerprint())};
    EXPECT_EQ(store({parsed(render_nix_narinfo(fields))}).fates, Fates{present});
    EXPECT_EQ(text_of(1), made_up_text(1));
    EXPECT_NE(row_counts(), before);
}

TEST_F(NarinfosTest, of_another_nar_are_conflicts_and_change_nothing) {
    store({made_up(1, {2}), made_up(2)});
    const auto before = row_counts();
    auto larger = made_up_fields(1, {2});
    larger.nar_size += 1;
    auto renamed = made_up_fields(1, {2});
    renamed.store_path.base.name = "other";
    for (const auto& text :
         {contradicting_text(1, {2, 55}),
          render_nix_narinfo(larger),
          render_nix_narinfo(renamed)}) {
        const auto report = store({parsed(text)});
        EXPECT_EQ(report.fates, Fates{conflict}) << text;
        EXPECT_TRUE(report.added_ids.empty());
        EXPECT_TRUE(report.dangling_ids.empty());
        EXPECT_EQ(row_counts(), before) << text;
    }
    EXPECT_EQ(text_of(1), made_up_text(1, {2}));
    EXPECT_EQ(store_at("/elsewhere", {parsed(contradicting_text(1))}).fates, Fates{conflict});
    EXPECT_EQ(row_counts(), before);
}

TEST_F(NarinfosTest, of_three_fates_go_in_one_batch) {
    store({made_up(1), made_up(2)});
    EXPECT_EQ(
        store({parsed(contradicting_text(2)), made_up(3), made_up(1)}).fates,
        (Fates{conflict, added, present})
    );
    EXPECT_EQ(store({}).fates, Fates{});
}

TEST_F(NarinfosTest, have_the_references_of_their_texts_in_that_order) {
    store({made_up(1, {5, 1, 3, 4}), made_up(5, {}), made_up(3, {3})});
    EXPECT_EQ(references_of(1), hex_list({5, 1, 3, 4}));
    EXPECT_EQ(references_of(5), "");
    EXPECT_EQ(references_of(3), hex_list({3}));
    EXPECT_EQ(number("select count(*) from graph"), 3);
    EXPECT_EQ(number("select count(*) from path"), 4);
}

TEST_F(NarinfosTest, may_have_more_references_than_any_statement_has_parameters) {
    std::vector<int> many(70'000);
    for (int i = 0; i < std::ssize(many); ++i) many[static_cast<std::size_t>(i)] = 1000 + i;
    const auto report = store({made_up(1, many)});
    EXPECT_EQ(report.dangling_ids.size(), many.size());
    EXPECT_TRUE(references_of(1) == hex_list(many));
}

TEST_F(NarinfosTest, refer_to_each_other_in_circles) {
    EXPECT_EQ(store({made_up(1, {2}), made_up(2, {1, 2})}).fates, (Fates{added, added}));
    EXPECT_EQ(references_of(1), hex_list({2}));
    EXPECT_EQ(references_of(2), hex_list({1, 2}));
}

TEST_F(NarinfosTest, get_ids_after_those_of_their_references) {
    // Each refers to the next few; the batch has them in an order that is neither.
    Batch batch;
    for (int i = 0; i < 200; ++i) {
        const int each = (i * 77) % 200;
        batch.push_back(made_up(each, {each + 1, each + 2, each + 7}));
    }
    store(batch);
    EXPECT_EQ(
        number(
            "select count(*) from graph g where exists (select from unnest(refs) r where r >= g.id)"
        ),
        0
    );
    EXPECT_EQ(ask("select min(id) || ' ' || max(id) || ' ' || count(*) from path"), "1 207 207");
    // A referrer that comes later is above all that is there.
    store({made_up(500, {0, 501})});
    EXPECT_EQ(id_of(501), 208);
    EXPECT_EQ(id_of(500), 209);
}

TEST_F(NarinfosTest, use_up_no_ids_when_they_come_again) {
    store({made_up(1, {2, 3}), made_up(2)});
    EXPECT_EQ(ids_used(), 3);
    for (int turn = 0; turn < 5; ++turn) store({made_up(2), made_up(1, {2, 3})});
    store({parsed(contradicting_text(1, {2, 3}))});
    EXPECT_EQ(ids_used(), 3);
    store({made_up(3), made_up(4, {3})});
    EXPECT_EQ(ids_used(), 4);
    EXPECT_EQ(number("select max(id) from path"), 4);
}

TEST_F(NarinfosTest, that_are_rolled_back_leave_nothing) {
    const auto before = row_counts();
    const Batch batch{made_up(1, {2})};
    const std::vector<StoredNarinfo> rows{{&batch[0], {std::nullopt}}};
    EXPECT_THROW(
        connection_.write([&](Tx& tx) {
            static_cast<void>(store_narinfos(tx, k_default, rows));
            throw std::runtime_error("changed my mind");
        }),
        std::runtime_error
    );
    EXPECT_EQ(row_counts(), before);
    EXPECT_EQ(store(batch).fates, Fates{added});
}

TEST_F(NarinfosTest, dangle_until_what_they_refer_to_comes) {
    const auto first = store({made_up(1, {1, 2, 3, 4}), made_up(2, {5})});
    auto expected = std::vector{path_hash(3), path_hash(4), path_hash(5)};
    std::ranges::sort(expected);
    EXPECT_EQ(dangling(first), expected);
    EXPECT_TRUE(dangling(store({made_up(3, {1}), made_up(5)})).empty());
    EXPECT_EQ(dangling(first), std::vector{path_hash(4)});
    EXPECT_EQ(dangling(store({made_up(6, {4})})), std::vector{path_hash(4)});
}

TEST_F(NarinfosTest, of_caches_are_separate) {
    const int other = make_cache("other");
    store({made_up(1, {2})});
    EXPECT_EQ(text_of(1, other), "(absent)");
    EXPECT_EQ(store({parsed(contradicting_text(1, {3}))}, other).fates, Fates{added});
    EXPECT_EQ(text_of(1), made_up_text(1, {2}));
    EXPECT_EQ(text_of(1, other), contradicting_text(1, {3}));
    EXPECT_NE(id_of(1), id_of(1, other));
    EXPECT_EQ(references_of(1), hex_list({2}));
    EXPECT_EQ(references_of(1, other), hex_list({3}));
    EXPECT_EQ(store({made_up(2)}, other).fates, Fates{added});
    EXPECT_EQ(text_of(2), "(absent)");
    connection_.read([&](Tx& tx) { EXPECT_EQ(cache_totals(tx, other).narinfos, 2U); });
}

}  // namespace
}  // namespace narthex::db
