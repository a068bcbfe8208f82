// What goes on with a miss in a region that keeps longer than its primary.
#include "asker.hpp"
#include "kept_fixture.hpp"

#include "narthex/service/kept_lookups.hpp"

#include <future>
#include <optional>

namespace narthex::service {
namespace {

using namespace test;
using Status = LookupAnswer::Status;

struct Text : RenderedNarinfo {
    std::string text;
    bool purged = false;
};

class KeptLookupsTest : public KeptTest {
  protected:
    KeptLookupsTest() {
        db::Connection connection(db_.uri(), db::Session::serving);
        catalog_.read(connection);
        instance_.role = db::InstanceRole::region;
        instance_.kind = "full";
        start(db_.uri());
    }

    void start(const std::string& uri, std::size_t largest_queue = 100) {
        KeptLookupOptions options;
        options.uri = uri;
        options.days = k_days;
        options.largest_queue = largest_queue;
        options.render = [](KeptPath&& path) {
            auto text = std::make_shared<Text>();
            text->text = std::move(path.text);
            text->purged = path.purged;
            return text;
        };
        options.next = [this](std::vector<Answered>& answers, bool absences_count) {
            went_on_ += answers.size();
            counted_ = absences_count;
        };
        lookups_.emplace(
            std::move(options),
            [this] { return std::make_shared<const db::Instance>(instance_); },
            catalog_,
            kept_
        );
    }

    // What becomes of a lookup that the region's own database has answered so.
    LookupAnswer after(const LookupKey& key, Status here, bool publisher = false) {
        Asker asker;
        std::vector<Answered> answers;
        answers.push_back({asker.lookup(key), {here, nullptr, {}}});
        answers[0].lookup.publisher = publisher;
        lookups_->take(answers, false);
        taken_ = answers.empty();
        return taken_ ? asker.wait() : std::move(answers[0].answer);
    }

    db::Instance instance_;
    Catalog catalog_;
    std::atomic<std::size_t> went_on_ = 0;
    std::atomic<bool> counted_ = true;
    bool taken_ = false;
    std::optional<KeptLookups> lookups_;  // the last: its thread uses the others
};

TEST_F(KeptLookupsTest, gives_what_is_kept_for_this_moment_and_as_missed) {
    purge(1);
    keep_nar(1);
    const auto kept = after(key_of(1), Status::absent);
    EXPECT_EQ(kept.status, Status::hidden);
    EXPECT_FALSE(kept.lasting);
    const auto text = std::static_pointer_cast<const Text>(kept.narinfo);
    ASSERT_TRUE(text);
    EXPECT_EQ(text->text, made_up_text(1));
    EXPECT_TRUE(text->purged);
    EXPECT_EQ(went_on_, 0U);
    EXPECT_EQ(lookups_->figures().narinfos, 1U);
}

TEST_F(KeptLookupsTest, gives_nars_from_the_directory) {
    purge(1);
    keep_nar(1);
    const auto kept = after(NarKey{1, url_of(1)}, Status::absent);
    EXPECT_EQ(kept.status, Status::found);
    EXPECT_EQ(kept.files, std::vector{(temp_.path() / "default" / url_of(1)).string()});
    EXPECT_TRUE(kept.facts);
    EXPECT_EQ(lookups_->figures().nars, 1U);
    EXPECT_EQ(after(NarKey{1, url_of(2)}, Status::absent).status, Status::absent);
    EXPECT_EQ(after(NarKey{7, url_of(1)}, Status::absent).status, Status::absent);
}

TEST_F(KeptLookupsTest, lets_the_rest_go_on_as_it_came) {
    const auto absent = after(key_of(1), Status::absent);
    EXPECT_EQ(absent.status, Status::absent);
    EXPECT_TRUE(absent.lasting);
    EXPECT_EQ(went_on_, 1U);
    EXPECT_FALSE(counted_);
    hide(2);  // and nobody has its NAR, which may come
    const auto hidden = after(key_of(2), Status::hidden);
    EXPECT_EQ(hidden.status, Status::hidden);
    EXPECT_FALSE(hidden.narinfo);
    EXPECT_FALSE(hidden.lasting);
    EXPECT_EQ(went_on_, 2U);
    EXPECT_EQ(lookups_->figures().narinfos, 0U);
}

TEST_F(KeptLookupsTest, leaves_alone_what_is_found_and_what_publishers_ask) {
    purge(1);
    keep_nar(1);
    EXPECT_EQ(after(key_of(1), Status::found).status, Status::found);
    EXPECT_FALSE(taken_);
    EXPECT_EQ(after(key_of(1), Status::unavailable).status, Status::unavailable);
    EXPECT_FALSE(taken_);
    EXPECT_FALSE(after(key_of(1), Status::absent, true).narinfo);
    EXPECT_FALSE(taken_);
}

TEST_F(KeptLookupsTest, takes_nothing_where_this_is_no_full_region) {
    purge(1);
    keep_nar(1);
    instance_.kind = "serving";
    EXPECT_FALSE(after(key_of(1), Status::absent).narinfo);
    EXPECT_FALSE(taken_);
    instance_.kind = "full";
    instance_.role = db::InstanceRole::primary;
    EXPECT_FALSE(after(key_of(1), Status::absent).narinfo);
    EXPECT_FALSE(taken_);
}

TEST_F(KeptLookupsTest, knows_nothing_while_the_database_is_away) {
    start("postgresql:///away?host=/nowhere");
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    EXPECT_EQ(went_on_, 0U);
}

TEST_F(KeptLookupsTest, survives_a_connection_that_was_cut) {
    purge(1);
    keep_nar(1);
    EXPECT_TRUE(after(key_of(1), Status::absent).narinfo);
    execute(
        db_.uri(),
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    );
    EXPECT_TRUE(after(key_of(1), Status::absent).narinfo);
}

TEST_F(KeptLookupsTest, refuses_more_than_may_wait) {
    start(db_.uri(), 0);
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
}

}  // namespace
}  // namespace narthex::service
