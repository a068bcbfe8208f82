#include "support/database.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/service/leases.hpp"

#include <gtest/gtest.h>

#include <array>
#include <future>

namespace narthex::service {
namespace {

using db::Presence;
using Told = std::vector<Presence>;

constexpr std::chrono::seconds k_patience(30);

PathKey key_of(int number, int cache = 1) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes[0] = static_cast<unsigned char>(number >> 8);
    bytes[19] = static_cast<unsigned char>(number);
    return {cache, HashPart(bytes)};
}

std::string hex(const PathKey& key) {
    return "'\\x" + to_hex(key.hash.bytes()) + "'";
}

class LeasesTest : public testing::Test {
  protected:
    [[nodiscard]] LeaseOptions options() const {
        LeaseOptions given;
        given.uri = database_.uri();
        given.look_up = [](std::vector<Lookup>& lookups) { lookups.clear(); };
        return given;
    }
    void run(const std::string& statements) const { test::execute(database_.uri(), statements); }
    [[nodiscard]] std::string ask(const std::string& statement) const {
        return test::query(database_.uri(), statement);
    }
    void add_narinfo(const PathKey& key) const {
        run("insert into narinfo (cache, hash, name, text, nar_hash, nar_size) values (" +
            std::to_string(key.cache) + ", " + hex(key) +
            ", 'x', 'x', decode(repeat('00', 32), 'hex'), 1)");
    }
    void hide(const PathKey& key, const std::string& active) const {
        run("with b as (insert into hide_batch (active, reason) values (" + active +
            ", 'test') returning id) insert into hidden select " + std::to_string(key.cache) +
            ", " + hex(key) + ", id from b");
    }
    [[nodiscard]] int count(const std::string& table) const {
        return std::stoi(ask("select count(*) from " + table));
    }

    test::TestDatabase database_;
};

// Empty when it failed.
std::future<Told> lease(Leases& leases, std::vector<PathKey> keys) {
    const auto promise = std::make_shared<std::promise<Told>>();
    leases.submit(LeaseTask{
        std::move(keys),
        std::chrono::steady_clock::now() + k_patience,
        [promise](const Told& told) { promise->set_value(told); },
        [promise] { promise->set_value({}); }});
    return promise->get_future();
}

Told leased(Leases& leases, std::vector<PathKey> keys) {
    auto told = lease(leases, std::move(keys));
    if (told.wait_for(k_patience) != std::future_status::ready) {
        throw std::runtime_error("no answer in time");
    }
    return told.get();
}

TEST_F(LeasesTest, are_of_what_is_served_and_committed_before_it_is_said) {
    add_narinfo(key_of(1));
    add_narinfo(key_of(2));
    add_narinfo(key_of(1, 2));
    hide(key_of(2), "true");
    Leases leases(options());
    EXPECT_EQ(
        leased(leases, {key_of(3), key_of(2), key_of(1), key_of(1)}),
        (Told{Presence::absent, Presence::hidden, Presence::served, Presence::served})
    );
    EXPECT_EQ(
        ask("select string_agg(cache || ' ' || hash, ',') from lease"
            " where until between now() + interval '23:50' and now() + interval '24:01'"),
        "1 \\x" + to_hex(key_of(1).hash.bytes())
    );
    EXPECT_TRUE(leases.holds(key_of(1)));
    EXPECT_FALSE(leases.holds(key_of(2)));
    EXPECT_FALSE(leases.holds(key_of(3)));
    EXPECT_FALSE(leases.holds(key_of(1, 2)));
    EXPECT_EQ(leases.figures().leased, 1U);
}

TEST_F(LeasesTest, are_not_asked_for_again_by_who_has_them_and_are_by_others) {
    add_narinfo(key_of(1));
    Leases leases(options());
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{Presence::served});
    run("delete from lease");
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{Presence::served});
    EXPECT_EQ(count("lease"), 0);
    Leases others(options());
    EXPECT_EQ(leased(others, {key_of(1)}), Told{Presence::served});
    EXPECT_EQ(count("lease"), 1);
}

TEST_F(LeasesTest, are_never_shortened) {
    add_narinfo(key_of(1));
    run("insert into lease values (1, " + hex(key_of(1)) + ", 'infinity')");
    Leases leases(options());
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{Presence::served});
    EXPECT_EQ(ask("select until from lease"), "infinity");
}

TEST_F(LeasesTest, take_paths_out_of_batches_that_are_not_active_yet) {
    add_narinfo(key_of(1));
    add_narinfo(key_of(2));
    run("insert into path select row_number() over (order by hash), cache, hash from narinfo");
    run("insert into graph select id, '{}'::int[] from path");
    hide(key_of(1), "false");
    hide(key_of(2), "false");
    Leases leases(options());
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{Presence::served});
    EXPECT_EQ(
        ask("select string_agg(hash::text, ',') from hidden"),
        "\\x" + to_hex(key_of(2).hash.bytes())
    );
}

// What all ask at once goes in few transactions, each within its bounds.
TEST_F(LeasesTest, of_many_at_once_are_all_there) {
    constexpr int k_paths = 2500;
    run("insert into narinfo (cache, hash, name, text, nar_hash, nar_size)"
        " select 1, decode(lpad(to_hex(n >> 8), 2, '0') || repeat('00', 18) ||"
        " lpad(to_hex(n & 255), 2, '0'), 'hex'), 'x', 'x', decode(repeat('00', 32), 'hex'), 1"
        " from generate_series(0, 2499) n");
    Leases leases(options());
    std::vector<std::future<Told>> told;
    for (int number = 0; number < k_paths; number += 2) {
        told.push_back(lease(leases, {key_of(number), key_of(number + 1)}));
    }
    for (auto& each : told) {
        ASSERT_EQ(each.wait_for(k_patience), std::future_status::ready);
        EXPECT_EQ(each.get(), (Told{Presence::served, Presence::served}));
    }
    EXPECT_EQ(count("lease"), k_paths);
    EXPECT_EQ(leases.figures().held, static_cast<std::size_t>(k_paths));
}

TEST_F(LeasesTest, fail_while_the_database_is_away_and_come_when_it_is_back) {
    add_narinfo(key_of(1));
    Leases leases(options());
    run("alter table lease rename to away");
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{});
    run("alter table away rename to lease");
    EXPECT_EQ(leased(leases, {key_of(1)}), Told{Presence::served});
    run("select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()");
    EXPECT_EQ(leased(leases, {key_of(2)}), Told{Presence::absent});
    leases.stop();
    EXPECT_EQ(leased(leases, {key_of(2)}), Told{});
}

TEST_F(LeasesTest, that_are_remembered_are_bounded) {
    for (int number = 0; number < 4; ++number) add_narinfo(key_of(number));
    auto given = options();
    given.most = 3;
    Leases leases(std::move(given));
    EXPECT_EQ(
        leased(leases, {key_of(0), key_of(1), key_of(2), key_of(3)}), Told(4, Presence::served)
    );
    EXPECT_EQ(leases.figures().held, 3U);
    EXPECT_EQ(count("lease"), 4);
}

}  // namespace
}  // namespace narthex::service
