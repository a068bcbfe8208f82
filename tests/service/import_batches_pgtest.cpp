// Repeats and conflicts, and imports of more than one batch.
#include "import_fixture.hpp"

#include <algorithm>
#include <atomic>

namespace narthex::service {
namespace {

using namespace test;

TEST_F(ImportTest, counts_repeats_within_a_batch_as_there_already) {
    const auto report =
        import_stream({made_up_text(1), made_up_text(2), made_up_text(1), made_up_text(1)});
    EXPECT_EQ(counts(report), (Words{"2", "2", "0", "0", "0"}));
    EXPECT_TRUE(rejections_.empty());
}

TEST_F(ImportTest, keeps_the_first_of_two_that_contradict_each_other) {
    const auto report =
        import_stream({made_up_text(1, {2}), contradicting_text(1, {3}), made_up_text(4)});
    EXPECT_EQ(counts(report), (Words{"2", "0", "1", "0", "1"}));
    expect_rejected("stream:10", "conflict: the cache's narinfo of " + path_hash(1).to_string());
    EXPECT_EQ(text_of(1), made_up_text(1, {2}));
    EXPECT_EQ(ask("select count(*) from path"), "3");
}

TEST_F(ImportTest, keeps_what_is_stored_when_it_is_contradicted) {
    import_stream({made_up_text(1)});
    const auto report = import_stream({made_up_text(2), contradicting_text(1), made_up_text(3)});
    EXPECT_EQ(counts(report), (Words{"2", "0", "1", "0", "0"}));
    expect_rejected("stream:10", "name, NarHash or NarSize than this one (path-1, sha256:");
    EXPECT_EQ(text_of(1), made_up_text(1));
    EXPECT_EQ(batches_, std::vector<std::uint64_t>{2});
}

// Which of two the cache has decides, not which of them came first.
TEST_F(ImportTest, tells_repeats_from_conflicts_by_what_is_stored) {
    import_stream({made_up_text(1)});
    EXPECT_EQ(
        counts(import_stream({contradicting_text(1), made_up_text(1), contradicting_text(1)})),
        (Words{"0", "1", "2", "0", "0"})
    );
    ASSERT_EQ(rejections_.size(), 2U);
    EXPECT_TRUE(rejections_[0].starts_with("stream:1: conflict")) << rejections_[0];
    EXPECT_TRUE(rejections_[1].starts_with("stream:19: conflict")) << rejections_[1];
    EXPECT_EQ(
        counts(import_stream({contradicting_text(1), contradicting_text(1)})),
        (Words{"0", "0", "2", "0", "0"})
    );
    ASSERT_EQ(rejections_.size(), 2U);
    EXPECT_TRUE(rejections_[1].starts_with("stream:10: conflict")) << rejections_[1];
}

TEST_F(ImportTest, takes_another_size_and_another_name_for_conflicts) {
    import_stream({made_up_text(1)});
    auto fields = made_up_fields(1);
    fields.nar_size += 1;
    auto renamed = made_up_fields(1);
    renamed.store_path.base.name = "other";
    const auto report = import_stream({render_nix_narinfo(fields), render_nix_narinfo(renamed)});
    EXPECT_EQ(counts(report), (Words{"0", "0", "2", "0", "0"}));
    // One sentence for both, and true of both.
    for (const auto& words : rejections_) {
        EXPECT_NE(words.find("another name, NarHash or NarSize"), std::string::npos) << words;
    }
    EXPECT_NE(rejections_.at(1).find("than this one (other, "), std::string::npos)
        << rejections_[1];
}

class LargeImport : public ImportTest {
  protected:
    static constexpr int k_count = 4500;

    // Across batches both ways.
    static std::vector<int> references(int number) {
        if (number == 0) return {0, 1};
        return {number + 1, number / 2, number};
    }

    static Words texts() {
        Words out;
        for (int n = 0; n < k_count; ++n) out.push_back(made_up_text(n, references(n)));
        return out;
    }

    // Narinfos whose graph row isn't what their text says, compared by PostgreSQL.
    [[nodiscard]] std::string count_wrong_references() const {
        // Names tell the numbers, and so do the texts: no base 32 in SQL.
        return ask(
            "select count(*) from narinfo n join path p using (cache, hash) left join graph g "
            "using (id)"
            " cross join lateral (select string_agg(coalesce(m.name, 'path-" +
            std::to_string(k_count) +
            "'), ' ' order by r.ord) names"
            "  from unnest(g.refs) with ordinality r (id, ord) join path q on q.id = r.id"
            "  left join narinfo m on m.cache = q.cache and m.hash = q.hash) stored"
            " where stored.names is distinct from"
            "  regexp_replace(substring(n.text from 'References: ([^\\n]*)'), '[a-z0-9]{32}-', '', "
            "'g')"
        );
    }
};

TEST_F(LargeImport, stores_batch_by_batch) {
    const auto report = import_stream(texts());
    EXPECT_EQ(counts(report), (Words{"4500", "0", "0", "0", "1"}));
    EXPECT_EQ(report.dangling, std::vector{path_hash(k_count)});
    EXPECT_EQ(batches_, (std::vector<std::uint64_t>{2000, 4000, 4500}));
    EXPECT_EQ(count_wrong_references(), "0");
    EXPECT_EQ(ask("select count(*) = max(id) and min(id) = 1 from path"), "t");
    EXPECT_EQ(counts(import_stream(texts())), (Words{"0", "4500", "0", "0", "0"}));
    EXPECT_EQ(ask("select last_value from path_id"), std::to_string(k_count + 1));
}

TEST_F(LargeImport, says_the_right_lines_behind_bad_records) {
    auto records = texts();
    records[2500] = "bad\n";
    records[4000].replace(11, 4, "bad-");  // of StorePath
    records.push_back(contradicting_text(7));
    const auto report = import_stream(records);
    EXPECT_EQ(counts(report), (Words{"4498", "0", "1", "2", "3"}));
    ASSERT_EQ(rejections_.size(), 3U);
    EXPECT_TRUE(rejections_[0].starts_with("stream:" + std::to_string(2500 * 9 + 1) + ": "))
        << rejections_[0];
    EXPECT_TRUE(rejections_[1].starts_with("stream:" + std::to_string(3999 * 9 + 3) + ": "))
        << rejections_[1];
    EXPECT_TRUE(rejections_[2].starts_with("stream:" + std::to_string(4499 * 9 + 3) + ": "))
        << rejections_[2];
}

TEST_F(LargeImport, ends_after_the_batch_under_way_when_it_is_interrupted) {
    std::atomic<bool> stop = false;
    events_.stop = &stop;
    events_.batch_stored = [&](const ImportReport&) { stop = true; };
    const auto report = import_stream(texts());
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(report.added, 2000U);
    EXPECT_EQ(ask("select count(*) from narinfo"), "2000");
    EXPECT_EQ(ask("select count(*) from graph"), "2000");
    stop = false;
    events_.batch_stored = nullptr;
    EXPECT_EQ(import_stream(texts()).added, 2500U);
    EXPECT_EQ(count_wrong_references(), "0");
}

TEST_F(LargeImport, stores_nothing_when_it_is_interrupted_while_it_reads) {
    std::atomic<bool> stop = false;
    events_.stop = &stop;
    const auto rejected = events_.rejected;
    events_.rejected = [&](const Rejection& rejection) {
        rejected(rejection);
        stop = true;
    };
    const auto report = import_stream({made_up_text(1), "bad\n", made_up_text(2)});
    EXPECT_TRUE(report.interrupted);
    EXPECT_EQ(counts(report), (Words{"0", "0", "0", "1", "0"}));
    EXPECT_EQ(text_of(1), "(absent)");
}

TEST_F(LargeImport, bounds_the_bytes_of_a_batch) {
    Words records;
    for (int n = 0; n < 5; ++n) {
        records.push_back(made_up_text(n) + "X: " + std::string(3 << 20, 'x') + "\n");
    }
    EXPECT_EQ(import_stream(records).added, 5U);
    EXPECT_EQ(batches_, (std::vector<std::uint64_t>{3, 5}));
}

}  // namespace
}  // namespace narthex::service
