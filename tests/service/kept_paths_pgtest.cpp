#include "kept_fixture.hpp"

#include "narthex/service/kept_paths.hpp"

#include <map>

namespace narthex::service {
namespace {

using namespace test;
using Standing = KeptPath::Standing;

class KeptPathsTest : public KeptTest {
  protected:
    std::vector<KeptPath> find(const std::vector<int>& numbers) {
        std::vector<PathKey> keys;
        for (const int number : numbers) keys.push_back(key_of(number));
        std::vector<KeptPath> found;
        connection_.read([&](db::Tx& tx) {
            found = find_kept_paths(tx, caches_, kept_, keys, k_days);
        });
        return found;
    }
    KeptPath find_one(int number) { return find({number}).at(0); }

    std::string file_of(const std::string& url, int days = k_days) {
        std::vector<std::string> found;
        connection_.read([&](db::Tx& tx) {
            found = find_kept_files(tx, caches_, kept_, std::vector{db::NarKey{1, url}}, days);
        });
        return found.at(0);
    }

    static std::vector<Cache> default_cache() {
        Cache cache;
        cache.id = 1;
        cache.name = "default";
        return {cache};
    }

    std::vector<Cache> caches_ = default_cache();
    db::Connection connection_{db_.uri(), db::Session::serving};
};

TEST_F(KeptPathsTest, what_is_served_or_was_never_here_is_nothing_to_keep) {
    serve(1);
    keep_nar(1);
    EXPECT_EQ(find_one(1).standing, Standing::unknown);
    EXPECT_EQ(find_one(2).standing, Standing::unknown);
}

TEST_F(KeptPathsTest, a_hidden_path_takes_its_nar_here_or_where_its_row_says) {
    hide(1);
    EXPECT_EQ(find_one(1).standing, Standing::incomplete);
    place_nar(1);
    EXPECT_EQ(find_one(1).standing, Standing::complete);
    hide(2);
    keep_nar(2);
    const auto kept = find_one(2);
    EXPECT_EQ(kept.standing, Standing::complete);
    EXPECT_FALSE(kept.purged);
    EXPECT_EQ(kept.text, made_up_text(2));
}

TEST_F(KeptPathsTest, a_hidden_path_has_the_lines_that_were_added) {
    const auto line = "Sig: a:" + std::string(86, 'A') + "==";
    hide(1);
    keep_nar(1);
    apply("insert into narinfo_line values (1, " + sql_hash(1) + ", '" + line + "')");
    EXPECT_EQ(find_one(1).text, made_up_text(1) + line + "\n");
}

TEST_F(KeptPathsTest, a_batch_that_is_not_active_hides_nothing) {
    hide(1);
    keep_nar(1);
    apply("update hide_batch set active = false");
    EXPECT_EQ(find_one(1).standing, Standing::unknown);
}

TEST_F(KeptPathsTest, a_purged_path_is_kept_for_its_days) {
    purge(1, {}, k_days - 1);
    purge(2, {}, k_days + 1);
    keep_nar(1);
    keep_nar(2);
    const auto kept = find_one(1);
    EXPECT_EQ(kept.standing, Standing::complete);
    EXPECT_TRUE(kept.purged);
    EXPECT_EQ(kept.text, made_up_text(1));
    EXPECT_EQ(find_one(2).standing, Standing::unknown);
}

TEST_F(KeptPathsTest, its_last_text_counts) {
    archive(1, contradicting_text(1), 3);
    archive(1, made_up_text(1), 2);
    archive(1, contradicting_text(1), 4);
    keep_nar(1);
    EXPECT_EQ(find_one(1).text, made_up_text(1));
}

TEST_F(KeptPathsTest, what_is_published_again_is_the_primarys) {
    purge(1);
    keep_nar(1);
    serve(1);
    EXPECT_EQ(find_one(1).standing, Standing::unknown);
    hide(2);
    purge(2);
    keep_nar(2);
    EXPECT_FALSE(find_one(2).purged);
}

TEST_F(KeptPathsTest, a_purged_path_takes_its_nar) {
    purge(1);
    EXPECT_EQ(find_one(1).standing, Standing::incomplete);
    (void)temp_.write("default/" + url_of(1), "of another size");
    EXPECT_EQ(find_one(1).standing, Standing::incomplete);
    place_nar(1);  // another path has it
    EXPECT_EQ(find_one(1).standing, Standing::complete);
}

TEST_F(KeptPathsTest, each_of_several_nars_is_needed) {
    archive(1, guix_text(1));
    const auto base = path_name(1).to_string();
    (void)temp_.write("default/nar/gzip/" + base, std::string(77, 'x'));
    EXPECT_EQ(find_one(1).standing, Standing::incomplete);
    (void)temp_.write("default/nar/zstd/" + base, std::string(77, 'x'));
    EXPECT_EQ(find_one(1).standing, Standing::complete);
}

TEST_F(KeptPathsTest, references_are_served_or_kept_with_their_nars) {
    for (const int number : {1, 2, 3, 4, 5}) keep_nar(number);
    serve(10);  // a reference that is served needs no NAR here
    hide(11);
    keep_nar(11);
    purge(12);
    keep_nar(12);
    purge(13);  // without
    purge(14, {}, k_days + 1);
    keep_nar(14);
    purge(1, {1, 10, 11, 12});
    purge(2, {10, 13});
    purge(3, {14});
    purge(4, {15});
    hide(5, {12, 11});
    const auto found = find({1, 2, 3, 4, 5});
    EXPECT_EQ(found[0].standing, Standing::complete);
    EXPECT_EQ(found[1].standing, Standing::incomplete);
    EXPECT_EQ(found[2].standing, Standing::incomplete);
    EXPECT_EQ(found[3].standing, Standing::incomplete);
    EXPECT_EQ(found[4].standing, Standing::complete);
}

TEST_F(KeptPathsTest, many_at_once_answer_each_other) {
    purge(1, {2});
    purge(2);
    keep_nar(1);
    const auto found = find({2, 1, 3, 2});
    EXPECT_EQ(found[0].standing, Standing::incomplete);
    EXPECT_EQ(found[1].standing, Standing::incomplete);
    EXPECT_EQ(found[2].standing, Standing::unknown);
    EXPECT_EQ(found[3].standing, Standing::incomplete);
}

TEST_F(KeptPathsTest, files_are_those_that_the_archive_names_within_its_days) {
    purge(1);
    purge(2, {}, k_days + 1);
    purge(3);
    for (const int number : {1, 2, 4}) keep_nar(number);
    EXPECT_EQ(file_of(url_of(1)), (temp_.path() / "default" / url_of(1)).string());
    EXPECT_EQ(file_of(url_of(2)), "");
    EXPECT_NE(file_of(url_of(2), k_days + 2), "");
    EXPECT_EQ(file_of(url_of(3)), "");
    EXPECT_EQ(file_of(url_of(4)), "");
}

TEST_F(KeptPathsTest, files_are_found_however_the_text_spells_them) {
    auto text = guix_text(1);
    const auto base = path_name(1).to_string();
    const auto at = text.find("nar/zstd/" + base);
    text.replace(at, 9 + base.size(), "nar/zstd/gtk%2B?x=1");
    archive(1, text);
    (void)temp_.write("default/nar/zstd/gtk+", "x");
    (void)temp_.write("default/nar/gzip/" + base, "x");
    EXPECT_NE(file_of("nar/zstd/gtk+"), "");
    EXPECT_NE(file_of("nar/gzip/" + base), "");
}

// Its NAR couldn't be found by what clients ask for.
TEST_F(KeptPathsTest, a_purged_path_whose_url_is_spelt_oddly_is_not_kept) {
    auto text = made_up_text(1);
    text.replace(text.find("nar/1.nar"), 9, "nar/%31.nar");
    archive(1, text);
    keep_nar(1);
    EXPECT_EQ(find_one(1).standing, Standing::incomplete);
    purge(2);
    keep_nar(2);
    EXPECT_EQ(find_one(2).standing, Standing::complete);
}

TEST(KeepPurged, is_for_full_regions) {
    db::Instance instance;
    EXPECT_FALSE(may_keep_purged(instance));
    instance.kind = "full";
    EXPECT_FALSE(may_keep_purged(instance));
    instance.role = db::InstanceRole::region;
    EXPECT_TRUE(may_keep_purged(instance));
    instance.kind = "serving";
    EXPECT_FALSE(may_keep_purged(instance));
    instance.kind = "full";
    instance.role = db::InstanceRole::joining;
    EXPECT_FALSE(may_keep_purged(instance));
}

}  // namespace
}  // namespace narthex::service
