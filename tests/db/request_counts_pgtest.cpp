#include "support/database.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/db/request_counts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace narthex::db {
namespace {

PathKey key_of(unsigned char byte, int cache = 1) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes.fill(byte);
    return {cache, HashPart(bytes)};
}

class RequestCountsInDatabase : public testing::Test {
  protected:
    void add(const std::vector<RequestCount>& counts) {
        connection_.write([&](Tx& tx) { add_request_counts(tx, counts); });
    }
    std::size_t remove(int keep_days, int most) {
        std::size_t deleted = 0;
        connection_.write([&](Tx& tx) { deleted = delete_request_counts(tx, keep_days, most); });
        return deleted;
    }
    // "DAY served hidden" of each row of the path.
    [[nodiscard]] std::string rows_of(const PathKey& key) const {
        return test::query(
            database_.uri(),
            "select coalesce(string_agg(day || ' ' || served || ' ' || hidden, ', ' order by day),"
            " '') from request_count where region = '' and cache = " +
                std::to_string(key.cache) + " and hash = '\\x" + to_hex(key.hash.bytes()) + "'"
        );
    }

    test::TestDatabase database_;
    Connection connection_{database_.uri(), Session::publishing};
};

TEST_F(RequestCountsInDatabase, are_added_to_what_is_there_by_path_and_day) {
    add({{key_of(1), 0, 3, 0}, {key_of(2), 0, 0, 1}});
    add({{key_of(2), 0, 0, 1}, {key_of(1), 0, 4, 5}, {key_of(1), 20'000, 1, 0}});
    add({{key_of(1, 2), 0, 9, 9}});
    add({});
    EXPECT_EQ(rows_of(key_of(1)), "1970-01-01 7 5, 2024-10-04 1 0");
    EXPECT_EQ(rows_of(key_of(2)), "1970-01-01 0 2");
    EXPECT_EQ(rows_of(key_of(1, 2)), "1970-01-01 9 9");
}

TEST_F(RequestCountsInDatabase, leave_those_of_other_regions_alone) {
    test::execute(
        database_.uri(),
        "insert into request_count values (1, decode(repeat('01', 20), 'hex'), '1970-01-01', 'eu',"
        " 100, 100)"
    );
    add({{key_of(1), 0, 3, 0}});
    EXPECT_EQ(rows_of(key_of(1)), "1970-01-01 3 0");
}

TEST_F(RequestCountsInDatabase, that_are_old_are_deleted_so_many_at_a_time) {
    const int today = std::stoi(
        test::query(database_.uri(), "select (now() at time zone 'UTC')::date - date '1970-01-01'")
    );
    for (unsigned char byte = 1; byte <= 5; ++byte) {
        add(
            {{key_of(byte), today, 1, 0},
             {key_of(byte), today - 10, 1, 0},
             {key_of(byte), today - 11, 1, 0}}
        );
    }
    EXPECT_EQ(remove(10, 3), 3U);
    EXPECT_EQ(remove(10, 3), 2U);
    EXPECT_EQ(remove(10, 3), 0U);
    EXPECT_EQ(test::query(database_.uri(), "select count(*) from request_count"), "10");
}

}  // namespace
}  // namespace narthex::db
