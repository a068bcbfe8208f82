#include "support/database.hpp"

#include "narthex/service/lookups.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <future>
#include <mutex>

namespace narthex::service {
namespace {

using Status = LookupAnswer::Status;
using test::TestDatabase;

constexpr std::chrono::seconds k_patience(30);
constexpr int k_cache = 1;

HashPart hash_of(unsigned char byte) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes.fill(byte);
    return HashPart(bytes);
}

const LookupKey k_known = PathKey{k_cache, hash_of(1)};
const LookupKey k_absent = PathKey{k_cache, hash_of(2)};
const LookupKey k_nar = NarKey{k_cache, "nar/x"};

void add_narinfo(const std::string& uri) {
    test::execute(
        uri,
        "insert into narinfo (cache, hash, name, text, nar_hash, nar_size) values"
        " (1, decode(repeat('01', 20), 'hex'), 'x', e'StorePath: x\\n',"
        " decode(repeat('00', 32), 'hex'), 1)"
    );
}

// Keeps the promises of lookups by their ids.
class Asker : public LookupReceiver {
  public:
    std::future<LookupAnswer> ask(
        Lookups& lookups,
        const LookupKey& key,
        std::chrono::steady_clock::duration patience = k_patience
    ) {
        std::vector<Lookup> asked;
        std::future<LookupAnswer> answer;
        {
            const std::lock_guard lock(mutex_);
            answer = promises_.emplace_back().get_future();
            const auto deadline = std::chrono::steady_clock::now() + patience;
            asked.push_back({key, deadline, client_, promises_.size() - 1, {}, this});
        }
        lookups.submit(asked);
        return answer;
    }

    void answered(std::vector<Answered> batch) override {
        const std::lock_guard lock(mutex_);
        for (auto& each : batch) promises_[each.lookup.id].set_value(std::move(each.answer));
    }

    void leave() { client_.reset(); }

  private:
    std::mutex mutex_;
    std::deque<std::promise<LookupAnswer>> promises_;
    std::shared_ptr<int> client_ = std::make_shared<int>();
};

LookupAnswer wait_for(std::future<LookupAnswer> answer) {
    if (answer.wait_for(k_patience) != std::future_status::ready) {
        throw std::runtime_error("no answer in time");
    }
    return answer.get();
}

struct Rendered : RenderedNarinfo {
    explicit Rendered(std::string given) : text(std::move(given)) {}
    std::string text;
};

const std::string& text_of(const LookupAnswer& answer) {
    return dynamic_cast<const Rendered&>(*answer.narinfo).text;
}

LookupOptions options_for(const std::string& uri) {
    LookupOptions options;
    options.uri = uri;
    options.render = [](db::FoundNarinfo&& found) {
        return std::make_shared<const Rendered>(std::move(found.text));
    };
    return options;
}

TEST(Lookups, tell_found_from_absent) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Asker asker;
    Lookups lookups(options_for(database.uri()));
    const auto found = wait_for(asker.ask(lookups, k_known));
    EXPECT_EQ(found.status, Status::found);
    EXPECT_EQ(text_of(found), "StorePath: x\n");
    EXPECT_EQ(wait_for(asker.ask(lookups, k_absent)).status, Status::absent);
    EXPECT_EQ(wait_for(asker.ask(lookups, k_nar)).status, Status::absent);
}

TEST(Lookups, answer_every_one_of_many_at_once) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Asker asker;
    Lookups lookups(options_for(database.uri()));
    std::vector<std::future<LookupAnswer>> answers;
    for (int i = 0; i < 3000; ++i) {
        answers.push_back(asker.ask(lookups, i % 7 == 0 ? k_nar : i % 3 == 0 ? k_known : k_absent));
    }
    for (int i = 0; i < 3000; ++i) {
        const bool known = i % 7 != 0 && i % 3 == 0;
        const auto status = wait_for(std::move(answers[static_cast<std::size_t>(i)])).status;
        EXPECT_EQ(status, known ? Status::found : Status::absent) << i;
    }
}

TEST(Lookups, go_by_another_connection_where_one_is_slow) {
    const TestDatabase database;
    std::promise<void> under_way;
    std::promise<void> go_on;
    std::atomic<int> statements = 0;
    auto options = options_for(database.uri());
    options.batch_sent = [&](std::size_t) {
        if (++statements > 1) return;
        under_way.set_value();
        go_on.get_future().wait_for(k_patience);
    };
    Asker asker;
    Lookups lookups(std::move(options));
    auto slow = asker.ask(lookups, k_absent);
    under_way.get_future().wait_for(k_patience);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(wait_for(asker.ask(lookups, k_absent)).status, Status::absent);
    }
    EXPECT_EQ(slow.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
    go_on.set_value();
    EXPECT_EQ(wait_for(std::move(slow)).status, Status::absent);
}

TEST(Lookups, are_unavailable_where_nothing_listens_and_try_to_revive_it) {
    std::promise<void> revived;
    std::once_flag once;
    auto options = options_for("host=/nonexistent dbname=x");
    options.revive = [&] { std::call_once(once, [&] { revived.set_value(); }); };
    Asker asker;
    Lookups lookups(std::move(options));
    EXPECT_EQ(wait_for(asker.ask(lookups, k_known)).status, Status::unavailable);
    EXPECT_EQ(revived.get_future().wait_for(k_patience), std::future_status::ready);
    EXPECT_FALSE(lookups.available());
}

TEST(Lookups, survive_the_loss_of_their_connections) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Asker asker;
    Lookups lookups(options_for(database.uri()));
    for (int round = 0; round < 5; ++round) {
        EXPECT_EQ(wait_for(asker.ask(lookups, k_known)).status, Status::found);
        test::execute(
            database.uri(),
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        );
    }
}

TEST(Lookups, report_a_schema_that_is_not_ours) {
    const TestDatabase database(test::Template::empty);
    std::promise<std::string> reported;
    std::once_flag once;
    auto options = options_for(database.uri());
    options.schema_mismatch = [&](const std::string& reason) {
        std::call_once(once, [&] { reported.set_value(reason); });
    };
    const Lookups lookups(std::move(options));
    auto reason = reported.get_future();
    ASSERT_EQ(reason.wait_for(k_patience), std::future_status::ready);
    EXPECT_NE(reason.get().find("narthex migrate"), std::string::npos);
}

TEST(Lookups, answer_what_is_queued_when_they_end) {
    std::vector<std::future<LookupAnswer>> answers;
    Asker asker;
    {
        Lookups lookups(options_for("host=/nonexistent dbname=x"));
        for (int i = 0; i < 100; ++i) {
            answers.push_back(asker.ask(lookups, k_known));
        }
    }
    for (auto& answer : answers) {
        EXPECT_EQ(wait_for(std::move(answer)).status, Status::unavailable);
    }
}

TEST(Lookups, give_up_those_that_are_too_late) {
    const TestDatabase database;
    Asker asker;
    Lookups lookups(options_for(database.uri()));
    auto late = asker.ask(lookups, k_known, -k_patience);
    EXPECT_EQ(wait_for(std::move(late)).status, Status::unavailable);
}

TEST(Lookups, forget_those_of_clients_that_are_gone) {
    const TestDatabase database;
    std::promise<void> under_way;
    std::promise<void> left;
    std::atomic<std::size_t> statements = 0;
    std::atomic<std::size_t> keys_sent = 0;
    auto options = options_for(database.uri());
    options.connections = 1;
    options.batch_sent = [&](std::size_t keys) {
        keys_sent += keys;
        if (++statements > 1) return;
        under_way.set_value();
        left.get_future().wait();
    };
    Asker gone;
    Asker asker;
    Lookups lookups(std::move(options));
    auto first = asker.ask(lookups, k_known);
    under_way.get_future().wait();
    auto never = gone.ask(lookups, k_known);
    gone.leave();
    auto last = asker.ask(lookups, k_absent);
    left.set_value();
    EXPECT_EQ(wait_for(std::move(first)).status, Status::absent);
    EXPECT_EQ(wait_for(std::move(last)).status, Status::absent);
    EXPECT_EQ(keys_sent, 2U);
    EXPECT_EQ(never.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
}

}  // namespace
}  // namespace narthex::service
