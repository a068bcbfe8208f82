// BulkStore leaves the same rows as store_narinfos, or none.
#include "narinfos_fixture.hpp"

#include "narthex/core/reference_index.hpp"
#include "narthex/db/bulk_store.hpp"
#include "narthex/db/uploads.hpp"

namespace narthex::db {
namespace {

using namespace test;

class BulkStoreTest : public NarinfosTest {
  protected:
    // As an import does; `site` 0: nobody knows where the NARs are.
    bool bulk(const Batch& batch, int cache, int site = 0) {
        ReferenceIndex index;
        std::vector<StoredNarinfo> rows;
        for (const auto& narinfo : batch) {
            index.add(narinfo.store_path().base.hash, narinfo.references());
            auto& row = rows.emplace_back(StoredNarinfo{&narinfo, {}});
            for (const auto& file : narinfo.files()) {
                row.places.push_back(
                    site == 0 ? std::nullopt : std::optional(NarPlace{site, file.url})
                );
            }
        }
        std::vector<BulkNarinfo> numbered;
        for (const auto place : index.references_first()) {
            numbered.push_back({&rows[place], index.number(place), index.references(place)});
        }
        ids_.assign(index.paths().size(), 0);
        return bulk_.store(cache, numbered, {index.paths(), ids_});
    }

    // Rows that one of two caches has and the other hasn't, but for ids and times.
    long differences(int a, int b) {
        constexpr const char* k_rows = R"(
            select n.hash, n.name, n.text, n.nar_hash, n.nar_size, n.deriver, n.ca, n.system,
                (select array_agg(p.hash order by r.ord) from path s join graph g using (id),
                    unnest(g.refs) with ordinality r (id, ord) join path p using (id)
                    where s.cache = n.cache and s.hash = n.hash),
                (select array_agg(row(r.url, r.compression, r.file_hash, r.file_size, l.path)::text
                    order by r.url) from narinfo_nar m join nar r on r.id = m.nar
                    left join nar_location l on l.nar = r.id
                    where m.cache = n.cache and m.hash = n.hash)
            from narinfo n where cache = )";
        const auto rows_a = k_rows + std::to_string(a);
        const auto rows_b = k_rows + std::to_string(b);
        return number(
            "select count(*) from ((" + rows_a + " except " + rows_b + ") union all (" + rows_b +
            " except " + rows_a + ")) d"
        );
    }

    static Narinfo parsed(const std::string& text) { return Narinfo::parse(text).value(); }

    // Both dialects, all columns, shared NARs, references that aren't there, circles.
    static Batch varied() {
        auto full = made_up_fields(1, {2, 1, 77});
        full.deriver = path_name(3).to_string() + ".drv";
        full.ca = "fixed:r:" + Sha256::of("x").to_nix();
        auto shares = made_up_fields(4, {5});
        shares.file = full.file;
        auto plain = made_up_fields(5, {4});
        plain.file.hash.reset();
        plain.file.size.reset();
        return {
            parsed(render_nix_narinfo(full) + "System: x86_64-linux\nX: \\N\t'\"\xc3\xa9\n"),
            made_up(2),
            parsed(guix_text(3, {1, 2})),
            parsed(render_nix_narinfo(shares)),
            parsed(render_nix_narinfo(plain)),
            parsed(made_up_text(6) + "X: " + std::string(100'000, 'x') + "\n")};
    }

    BulkStore bulk_{database_.uri()};
    std::vector<int> ids_;
};

TEST_F(BulkStoreTest, leaves_what_store_narinfos_leaves) {
    const int other = make_cache("other");
    int site = 0;
    connection_.write([&](Tx& tx) { site = find_or_insert_nar_directory(tx, "/srv"); });
    store_at("/srv", varied());
    ASSERT_TRUE(bulk(varied(), other, site));
    EXPECT_EQ(number("select count(*) from narinfo where cache = 2"), 6);
    EXPECT_EQ(number("select count(*) from nar_location"), 12);
    EXPECT_EQ(differences(k_default, other), 0);
    for (const int path : {1, 2, 3, 4, 5, 6}) EXPECT_EQ(text_of(path, other), text_of(path));
}

TEST_F(BulkStoreTest, tells_the_ids_that_it_gave) {
    ASSERT_TRUE(bulk({made_up(1, {2, 3}), made_up(2)}, k_default));
    EXPECT_EQ(id_of(2), 1);
    EXPECT_EQ(id_of(3), 2);
    EXPECT_EQ(id_of(1), 3);
    EXPECT_EQ(ids_, (std::vector<int>{3, 1, 2}));
    // Those that are there already are found.
    ASSERT_TRUE(bulk({made_up(3, {2, 4})}, k_default));
    EXPECT_EQ(ids_, (std::vector<int>{2, 1, 4}));
    EXPECT_EQ(ids_used(), 4);
}

TEST_F(BulkStoreTest, shares_nars_with_what_is_there) {
    int site = 0;
    connection_.write([&](Tx& tx) { site = find_or_insert_nar_directory(tx, "/srv"); });
    ASSERT_TRUE(bulk({made_up(1)}, k_default, site));
    auto same = made_up_fields(2);
    same.file = made_up_fields(1).file;
    ASSERT_TRUE(bulk({parsed(render_nix_narinfo(same))}, k_default, site));
    EXPECT_EQ(row_counts(), "narinfo 2 nar 1 link 2 location 1 path 2 graph 2");
}

TEST_F(BulkStoreTest, says_of_uploaded_nars_how_they_are_compressed) {
    int site = 0;
    connection_.write([&](Tx& tx) { site = find_or_insert_nar_directory(tx, "/srv"); });
    const auto upload = [&](const Narinfo& narinfo) {
        const auto& file = narinfo.files()[0];
        connection_.write([&](Tx& tx) {
            const UploadedNar nar{k_default, file.url, *file.hash, *file.size, site, file.url};
            EXPECT_EQ(store_nar(tx, nar), NarFate::added);
        });
    };
    upload(made_up(1));
    upload(made_up(2));
    EXPECT_EQ(number("select count(*) from nar where compression is null"), 2);
    ASSERT_TRUE(bulk({made_up(1), made_up(3)}, k_default));
    store({made_up(2), made_up(4)});
    EXPECT_EQ(number("select count(*) from nar where compression = 'xz'"), 4);
    // Another narinfo of the same NAR changes nothing.
    auto other = made_up_fields(5);
    other.file = made_up_fields(1).file;
    other.file.compression = "zstd";
    ASSERT_TRUE(bulk({parsed(render_nix_narinfo(other))}, k_default));
    EXPECT_EQ(number("select count(*) from nar where compression = 'xz'"), 4);
}

TEST_F(BulkStoreTest, stores_nothing_when_another_was_faster) {
    store({made_up(2)});
    const auto before = row_counts();
    EXPECT_FALSE(bulk({made_up(1, {5}), made_up(2), made_up(3)}, k_default));
    EXPECT_EQ(row_counts(), before);
    EXPECT_EQ(ids_used(), 1);
    EXPECT_EQ(ids_, std::vector<int>(4));
    EXPECT_TRUE(bulk({made_up(1, {5}), made_up(3)}, k_default));
    EXPECT_EQ(number("select max(id) from path"), 4);
}

TEST_F(BulkStoreTest, finds_what_the_cache_holds) {
    store({made_up(1), made_up(2)});
    const std::vector hashes{path_hash(3), path_hash(2), path_hash(1)};
    const auto held = bulk_.find_held(k_default, hashes);
    ASSERT_EQ(held.size(), 2U);
    EXPECT_EQ(held[0].asked, 1U);
    EXPECT_EQ(held[0].name, "path-2");
    EXPECT_EQ(held[0].nar_size, made_up(2).nar_size());
    EXPECT_EQ(held[1].asked, 2U);
    execute(
        database_.uri(),
        "with b as (insert into hide_batch (active, reason) values (true, 'x') returning id)"
        " insert into hidden select 1, " +
            hex(2) + ", id from b"
    );
    const auto then = bulk_.find_held(k_default, hashes);
    ASSERT_EQ(then.size(), 2U);
    EXPECT_TRUE(then[0].in_batch);
    EXPECT_FALSE(then[1].in_batch);
    EXPECT_EQ(bulk_.find_served(k_default, hashes), std::vector<std::size_t>{2});
}

// They have to be rescued, which is somebody else's work.
TEST_F(BulkStoreTest, stores_nothing_that_names_a_path_of_a_hide_batch) {
    store({made_up(1), made_up(2), made_up(3)});
    const auto hide = [&](int path) {
        execute(
            database_.uri(),
            "with b as (insert into hide_batch (active, reason) values (false, 'x') returning id)"
            " insert into hidden select 1, " +
                hex(path) + ", id from b"
        );
    };
    hide(3);
    EXPECT_TRUE(bulk({made_up(4, {1})}, k_default));
    EXPECT_FALSE(bulk({made_up(5, {1, 3})}, k_default));
    hide(1);  // which was in none a moment ago
    EXPECT_TRUE(bulk({made_up(6, {2})}, k_default));
    EXPECT_FALSE(bulk({made_up(7, {1})}, k_default));
    execute(database_.uri(), "delete from hidden");
    EXPECT_TRUE(bulk({made_up(7, {1, 3})}, k_default));
    EXPECT_EQ(number("select count(*) from change where kind = 'published'"), 3);
}

}  // namespace
}  // namespace narthex::db
