// A region that isn't up to date asks its primary before it says that something is absent.
#include "asker.hpp"
#include "support/region_database.hpp"
#include "support/silent_listener.hpp"
#include "support/wait_until.hpp"

#include "narthex/service/primary_lookups.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <future>
#include <thread>

namespace narthex::service {
namespace {

using test::Asker;
using test::wait_until;
using Status = LookupAnswer::Status;
constexpr std::chrono::seconds k_patience(30);

PathKey key_of(unsigned char byte) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes.fill(byte);
    return {1, HashPart(bytes)};
}

const db::NarKey k_nar{1, "nar/x"};

struct Text : RenderedNarinfo {
    std::string text;
};

// Does `then` where the answer comes, and keeps which thread that was.
class Receiver : public LookupReceiver {
  public:
    explicit Receiver(std::function<void()> then = [] {}) : then_(std::move(then)) {}

    std::vector<Answered> absent(const LookupKey& key, std::chrono::seconds patience) {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        return {{{key, deadline, client_, 0, {}, this}, {Status::absent, nullptr, {}}}};
    }
    void answered(std::vector<Answered> /*batch*/) override {
        thread_.set_value(std::this_thread::get_id());
        then_();
    }
    std::thread::id thread() { return thread_.get_future().get(); }

  private:
    std::function<void()> then_;
    std::promise<std::thread::id> thread_;
    std::shared_ptr<int> client_ = std::make_shared<int>();
};

class PrimaryLookupsTest : public testing::Test {
  protected:
    PrimaryLookupsTest() {
        test::become_region(region_.uri());
        read_instance();
        lookups_.emplace(watch_, [](db::FoundNarinfo&& found) {
            auto text = std::make_shared<Text>();
            text->text = std::move(found.text);
            return text;
        });
    }

    void read_instance() {
        db::Connection connection(region_.uri(), db::Session::serving);
        watch_.read(connection);
    }

    static void add_narinfo(const std::string& uri, const std::string& byte) {
        test::execute(
            uri,
            "insert into narinfo (cache, hash, name, text, nar_hash, nar_size) values"
            " (1, decode(repeat('" +
                byte +
                "', 20), 'hex'), 'x', 'primary',"
                " decode(repeat('00', 32), 'hex'), 1)"
        );
    }
    static void add_nar(const std::string& uri, const std::string& url) {
        test::execute(
            uri,
            "insert into site (kind, base) values ('file', '/nars');"
            " insert into nar (cache, url, compression, file_size) values (1, '" +
                url +
                "', 'none', 7);"
                " insert into nar_location select n.id, s.id, 'x' from nar n, site s"
        );
    }
    void hide(const std::string& byte) {
        test::execute(
            primary_.uri(),
            "insert into hide_batch (id, active, reason) values (1, true, 'test');"
            " insert into hidden values (1, decode(repeat('" +
                byte + "', 20), 'hex'), 1)"
        );
    }

    // For four seconds nobody reads the table at the primary, as while it is altered.
    std::future<void> lock_narinfos() {
        auto unlocked = std::async(std::launch::async, [this] {
            test::execute(primary_.uri(), "begin; lock table narinfo; select pg_sleep(4); commit");
        });
        wait_for_locks("mode = 'AccessExclusiveLock' and granted");
        return unlocked;
    }
    void wait_for_locks(const std::string& condition) const {
        const auto statement =
            "select count(*) from pg_locks where relation = 'narinfo'::regclass and " + condition;
        wait_until([&] { return test::query(primary_.uri(), statement) != "0"; }, condition);
    }
    // What becomes of a lookup that the region's own database has answered so.
    LookupAnswer after(const LookupKey& key, Status here, bool absences_count = false) {
        Asker asker;
        std::vector<Answered> answers;
        answers.push_back({asker.lookup(key), {here, nullptr, {}}});
        lookups_->take(answers, absences_count);
        if (!answers.empty()) return std::move(answers[0].answer);
        return asker.wait();
    }

    test::TestDatabase primary_;
    test::TestDatabase region_;
    Epochs epochs_;
    InstanceWatch watch_{epochs_};
    std::optional<PrimaryLookups> lookups_;
};

TEST_F(PrimaryLookupsTest, gives_what_the_primary_has_for_this_moment) {
    add_narinfo(primary_.uri(), "01");
    lookups_->ask_at(primary_.uri());
    for (const auto here : {Status::absent, Status::hidden}) {
        const auto found = after(key_of(1), here);
        EXPECT_EQ(found.status, Status::found);
        EXPECT_EQ(std::static_pointer_cast<const Text>(found.narinfo)->text, "primary");
        EXPECT_FALSE(found.lasting);
    }
    EXPECT_EQ(lookups_->figures().found, 2U);
}

// Regions are migrated first.
TEST_F(PrimaryLookupsTest, asks_a_primary_whose_schema_is_older) {
    test::execute(
        primary_.uri(),
        "delete from schema_migration where version = (select max(version) from schema_migration)"
    );
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::absent);
}

TEST_F(PrimaryLookupsTest, believes_the_primary_that_it_is_absent_or_hidden) {
    add_narinfo(primary_.uri(), "01");
    hide("01");
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::hidden);
    const auto absent = after(key_of(2), Status::absent);
    EXPECT_EQ(absent.status, Status::absent);
    EXPECT_FALSE(absent.lasting);
    EXPECT_EQ(lookups_->figures().asked, 2U);
    EXPECT_EQ(lookups_->figures().hidden, 1U);
    EXPECT_EQ(lookups_->figures().absent, 1U);
}

TEST_F(PrimaryLookupsTest, knows_nothing_of_a_miss_while_the_primary_is_away) {
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    lookups_->ask_at("postgresql:///away?host=/nowhere");
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    EXPECT_EQ(after(key_of(1), Status::hidden).status, Status::unavailable);
    // It is another one now.
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::absent);
    lookups_->ask_at("");
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
}

TEST_F(PrimaryLookupsTest, leaves_alone_what_is_found_and_what_counts) {
    EXPECT_EQ(after(key_of(1), Status::found).status, Status::found);
    EXPECT_EQ(after(key_of(1), Status::absent, true).status, Status::absent);
    EXPECT_EQ(after(k_nar, Status::found).status, Status::found);
    EXPECT_EQ(lookups_->figures().asked, 0U);
}

TEST_F(PrimaryLookupsTest, finds_nars_that_have_not_come_yet) {
    add_nar(primary_.uri(), k_nar.url);
    lookups_->ask_at(primary_.uri());
    for (const bool absences_count : {false, true}) {
        const auto found = after(k_nar, Status::absent, absences_count);
        EXPECT_EQ(found.status, Status::found);
        EXPECT_EQ(found.files, std::vector<std::string>{"/nars/x"});
        EXPECT_EQ(found.facts->size, 7U);
    }
}

TEST_F(PrimaryLookupsTest, says_that_a_nar_is_absent_when_the_primary_has_none) {
    for (const bool absences_count : {false, true}) {
        EXPECT_EQ(after(k_nar, Status::absent, absences_count).status, Status::unavailable);
    }
    lookups_->ask_at(primary_.uri());
    for (const bool absences_count : {false, true}) {
        EXPECT_EQ(after(k_nar, Status::absent, absences_count).status, Status::absent);
    }
}

TEST_F(PrimaryLookupsTest, believes_no_miss_of_a_primary_that_another_has_replaced) {
    for (const auto* byte : {"01", "03"}) add_narinfo(primary_.uri(), byte);
    hide("01");
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(2), Status::absent).status, Status::absent);
    test::execute(
        primary_.uri(), "update instance set role = 'fenced', epoch = 2, replaced_by = 'x'"
    );
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    EXPECT_EQ(after(key_of(2), Status::absent).status, Status::unavailable);
    EXPECT_EQ(after(k_nar, Status::absent).status, Status::unavailable);
    EXPECT_EQ(after(k_nar, Status::absent, true).status, Status::unavailable);
    EXPECT_EQ(after(key_of(3), Status::absent).status, Status::found);
    EXPECT_EQ(lookups_->figures().absent, 1U);
    EXPECT_EQ(lookups_->figures().hidden, 0U);
}

TEST_F(PrimaryLookupsTest, asks_nobody_where_this_is_the_primary) {
    test::execute(region_.uri(), "update instance set role = 'primary', kind = null, name = ''");
    read_instance();
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(k_nar, Status::absent, true).status, Status::absent);
    EXPECT_EQ(lookups_->figures().asked, 0U);
}

TEST_F(PrimaryLookupsTest, says_nothing_before_the_first_copy_is_complete) {
    test::execute(region_.uri(), "update instance set role = 'joining'");
    read_instance();
    for (const auto here : {Status::found, Status::absent, Status::hidden}) {
        EXPECT_EQ(after(key_of(1), here, true).status, Status::unavailable);
    }
}

TEST_F(PrimaryLookupsTest, gives_up_a_primary_that_hangs) {
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::absent);
    const auto unlocked = lock_narinfos();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(3500));
}

TEST_F(PrimaryLookupsTest, begins_to_end_while_others_do) {
    test::SilentListener silent;
    lookups_->ask_at(silent.uri());
    wait_until([&] { return silent.reached(); }, "it connects");
    lookups_->stop();
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
    wait_until([&] { return silent.left(); }, "it has given up");
    const auto begun = std::chrono::steady_clock::now();
    lookups_->ask_at("");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(1));
    // An uplink that is still at work may have heard of another one.
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::unavailable);
}

// Its threads are waited for, which must not be done by one that other clients wait for.
TEST_F(PrimaryLookupsTest, ends_a_primary_on_the_thread_that_changes_it) {
    lookups_->ask_at(primary_.uri());
    EXPECT_EQ(after(key_of(1), Status::absent).status, Status::absent);
    const auto unlocked = lock_narinfos();
    Receiver asked;
    auto answers = asked.absent(key_of(1), k_patience);
    lookups_->take(answers, false);
    wait_for_locks("not granted");
    Receiver queued;
    answers = queued.absent(key_of(2), k_patience);
    lookups_->take(answers, false);
    // One that comes too late is answered while it is taken.
    std::promise<void> inside;
    std::promise<void> go_on;
    Receiver late([&] {
        inside.set_value();
        go_on.get_future().wait();
    });
    const auto taken = std::async(std::launch::async, [&] {
        auto last = late.absent(key_of(3), -k_patience);
        lookups_->take(last, false);
    });
    inside.get_future().wait();
    const auto changed = std::async(std::launch::async, [&] { lookups_->ask_at(""); });
    // In that time it would be done, if it didn't wait for whoever is still there.
    changed.wait_for(std::chrono::milliseconds(200));
    go_on.set_value();
    EXPECT_NE(queued.thread(), late.thread());
    changed.wait();
    taken.wait();
}

}  // namespace
}  // namespace narthex::service
