#include "support/region_database.hpp"

#include "narthex/db/own_counts.hpp"
#include "narthex/db/primary_connection.hpp"

#include <gtest/gtest.h>

#include <array>

namespace narthex::db {
namespace {

using namespace std::chrono_literals;

constexpr int k_day = 20'000;

RequestCount count_of(unsigned char number, std::uint64_t served, std::uint64_t hidden = 0) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes.fill(number);
    return {{1, HashPart(bytes)}, k_day, served, hidden};
}

class OwnCounts : public testing::Test {
  protected:
    OwnCounts() { test::add_region(primary_.uri(), "eu1"); }

    void add(const RequestCount& count) {
        here_.write([&](Tx& tx) { add_own_counts(tx, std::span(&count, 1)); });
    }
    std::vector<RequestCount> unsent() {
        std::vector<RequestCount> counts;
        here_.read([&](Tx& tx) { counts = list_unsent_counts(tx, 100); });
        return counts;
    }
    void mark(const std::vector<RequestCount>& counts) {
        here_.write([&](Tx& tx) { mark_counts_sent(tx, counts); });
    }
    [[nodiscard]] std::string at_the_primary() const {
        return test::query(
            primary_.uri(),
            "select coalesce(string_agg(region || ' ' || served || ' ' || hidden, ',' order by "
            "hash),"
            " '') from request_count"
        );
    }

    test::TestDatabase primary_;
    test::TestDatabase region_;
    Connection here_{region_.uri(), Session::publishing};
};

TEST_F(OwnCounts, are_sent_as_absolute_values_and_count_once) {
    PrimaryConnection there(primary_.uri(), 5s);
    add(count_of(1, 2));
    add(count_of(1, 3, 1));
    add(count_of(2, 7));
    const auto counts = unsent();
    ASSERT_EQ(counts.size(), 2U);
    there.send_counts(counts);
    there.send_counts(counts);  // nobody had marked them
    EXPECT_EQ(at_the_primary(), "eu1 5 1,eu1 7 0");
    mark(counts);
    EXPECT_TRUE(unsent().empty());
    add(count_of(1, 1));
    ASSERT_EQ(unsent().size(), 1U);
    there.send_counts(unsent());
    EXPECT_EQ(at_the_primary(), "eu1 6 1,eu1 7 0");
}

TEST_F(OwnCounts, that_grew_while_they_were_sent_stay_unsent) {
    add(count_of(1, 2));
    add(count_of(2, 2));
    const auto counts = unsent();
    add(count_of(1, 1));
    mark(counts);
    ASSERT_EQ(unsent().size(), 1U);
    EXPECT_EQ(unsent()[0].served, 3U);
    std::size_t left = 0;
    here_.read([&](Tx& tx) { left = count_unsent_counts(tx); });
    EXPECT_EQ(left, 1U);
}

TEST_F(OwnCounts, are_kept_until_they_were_sent_and_are_old) {
    add(count_of(1, 1));  // of the year 2024
    add(count_of(2, 1));
    mark({count_of(1, 1)});
    test::execute(
        region_.uri(), "update own_count set day = now()::date where get_byte(hash, 0) = 3"
    );
    std::size_t deleted = 0;
    here_.write([&](Tx& tx) { deleted = delete_own_counts(tx, 400, 100); });
    EXPECT_EQ(deleted, 1U);
    ASSERT_EQ(unsent().size(), 1U);
    EXPECT_EQ(unsent()[0].key, count_of(2, 1).key);
}

TEST_F(OwnCounts, are_refused_by_a_primary_that_has_no_such_region) {
    test::execute(primary_.uri(), "update region set left_at = now()");
    PrimaryConnection there(primary_.uri(), 5s);
    const std::vector counts{count_of(1, 1)};
    try {
        there.send_counts(counts);
        FAIL();
    } catch (const QueryFailed& error) {
        EXPECT_EQ(error.sqlstate(), "NX002");
    }
}

TEST_F(OwnCounts, of_hidden_paths_are_found_by_who_restores_them) {
    test::execute(
        primary_.uri(),
        "insert into hide_batch (id, active, reason) values (1, true, 'x'), (2, false, 'x');"
        " insert into hidden values (1, decode(repeat('01', 20), 'hex'), 1),"
        " (1, decode(repeat('02', 20), 'hex'), 2)"
    );
    PrimaryConnection there(primary_.uri(), 5s);
    std::vector<RequestCount> counts;
    for (const unsigned char path : std::array<unsigned char, 3>{1, 2, 3}) {
        counts.push_back(count_of(path, 0, 4));
        counts.back().day =
            static_cast<int>(std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())
                                 .time_since_epoch()
                                 .count());
    }
    there.send_counts(counts);
    std::vector<PathKey> missed;
    Connection primary(primary_.uri(), Session::work);
    primary.read([&](Tx& tx) { missed = find_missed_in_regions(tx, 10); });
    ASSERT_EQ(missed.size(), 1U);
    EXPECT_EQ(missed[0], count_of(1, 0).key);
}

TEST_F(OwnCounts, are_beside_a_clock_and_reports) {
    PrimaryConnection there(primary_.uri(), 5s);
    const auto said = there.ask_clock();
    const auto now = std::chrono::system_clock::now();
    EXPECT_LT(std::chrono::abs(now - said), 10s);
    there.report({3, 8, std::nullopt, 2, "it's \"late\""});
    const auto report = [this](const std::string& columns) {
        return test::query(primary_.uri(), "select " + columns + " from region_report");
    };
    EXPECT_EQ(
        report("concat_ws(' ', name, epoch, schema_version, errors, trouble, applied_at is null)"),
        "eu1 3 8 2 it's \"late\" t"
    );
    there.report({3, 8, Heartbeat{said, 9'000'000'000, 3, 8}, 2, ""});
    EXPECT_EQ(report("applied_xid"), "9000000000");
    EXPECT_EQ(report("abs(extract(epoch from now() - applied_at)) < 60"), "t");
}

}  // namespace
}  // namespace narthex::db
