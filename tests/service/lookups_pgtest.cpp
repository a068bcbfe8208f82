#include "support/database.hpp"

#include "narthex/service/lookups.hpp"

#include <gtest/gtest.h>

#include <future>

namespace narthex::service {
namespace {

using Status = LookupAnswer::Status;
using test::TestDatabase;

constexpr std::chrono::seconds k_patience(30);
const std::string k_known_key(20, '\x01');
const std::string k_absent_key(20, '\x02');

void add_narinfo(const std::string& uri) {
    test::execute(
        uri,
        "insert into narinfo (cache, hash, name, text, nar_hash, nar_size) values"
        " (1, decode(repeat('01', 20), 'hex'), 'x', e'StorePath: x\\n',"
        " decode(repeat('00', 32), 'hex'), 1)"
    );
}

std::future<LookupAnswer> ask(Lookups& lookups, LookupKind kind, const std::string& key) {
    auto promise = std::make_shared<std::promise<LookupAnswer>>();
    auto answer = promise->get_future();
    lookups.submit(
        {kind,
         1,
         key,
         std::chrono::steady_clock::now() + k_patience,
         [promise](LookupAnswer found) { promise->set_value(std::move(found)); }}
    );
    return answer;
}

LookupAnswer wait_for(std::future<LookupAnswer> answer) {
    if (answer.wait_for(k_patience) != std::future_status::ready) {
        throw std::runtime_error("no answer in time");
    }
    return answer.get();
}

LookupOptions options_for(const std::string& uri) {
    LookupOptions options;
    options.uri = uri;
    return options;
}

TEST(Lookups, tell_found_from_absent) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Lookups lookups(options_for(database.uri()));
    const auto found = wait_for(ask(lookups, LookupKind::narinfo, k_known_key));
    EXPECT_EQ(found.status, Status::found);
    EXPECT_EQ(found.value->text, "StorePath: x\n");
    EXPECT_EQ(wait_for(ask(lookups, LookupKind::narinfo, k_absent_key)).status, Status::absent);
    EXPECT_EQ(wait_for(ask(lookups, LookupKind::nar_file, "nar/x")).status, Status::absent);
}

TEST(Lookups, answer_every_one_of_many_at_once) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Lookups lookups(options_for(database.uri()));
    std::vector<std::future<LookupAnswer>> answers;
    for (int i = 0; i < 3000; ++i) {
        const auto kind = i % 7 == 0 ? LookupKind::nar_file : LookupKind::narinfo;
        const auto& key = i % 3 == 0 ? k_known_key : k_absent_key;
        answers.push_back(ask(lookups, kind, kind == LookupKind::nar_file ? "nar/x" : key));
    }
    for (int i = 0; i < 3000; ++i) {
        const bool known = i % 7 != 0 && i % 3 == 0;
        const auto status = wait_for(std::move(answers[static_cast<std::size_t>(i)])).status;
        EXPECT_EQ(status, known ? Status::found : Status::absent) << i;
    }
}

TEST(Lookups, are_unavailable_where_nothing_listens_and_try_to_revive_it) {
    std::promise<void> revived;
    std::once_flag once;
    auto options = options_for("host=/nonexistent dbname=x");
    options.revive = [&] { std::call_once(once, [&] { revived.set_value(); }); };
    Lookups lookups(std::move(options));
    EXPECT_EQ(wait_for(ask(lookups, LookupKind::narinfo, k_known_key)).status, Status::unavailable);
    EXPECT_EQ(revived.get_future().wait_for(k_patience), std::future_status::ready);
    EXPECT_FALSE(lookups.available());
}

TEST(Lookups, survive_the_loss_of_their_connections) {
    const TestDatabase database;
    add_narinfo(database.uri());
    Lookups lookups(options_for(database.uri()));
    for (int round = 0; round < 5; ++round) {
        EXPECT_EQ(wait_for(ask(lookups, LookupKind::narinfo, k_known_key)).status, Status::found);
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
    {
        Lookups lookups(options_for("host=/nonexistent dbname=x"));
        for (int i = 0; i < 100; ++i) {
            answers.push_back(ask(lookups, LookupKind::narinfo, k_known_key));
        }
    }
    for (auto& answer : answers) {
        EXPECT_EQ(wait_for(std::move(answer)).status, Status::unavailable);
    }
}

TEST(Lookups, give_up_those_that_are_too_late) {
    const TestDatabase database;
    Lookups lookups(options_for(database.uri()));
    std::promise<LookupAnswer> promise;
    lookups.submit(
        {LookupKind::narinfo,
         1,
         k_known_key,
         std::chrono::steady_clock::now() - k_patience,
         [&](LookupAnswer found) { promise.set_value(std::move(found)); }}
    );
    EXPECT_EQ(wait_for(promise.get_future()).status, Status::unavailable);
}

}  // namespace
}  // namespace narthex::service
