#include "narthex/service/upstream_misses.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using namespace std::chrono_literals;

constexpr UpstreamMisses::Time k_start(1h);

PathKey key(unsigned char byte, int cache = 1) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes.fill(byte);
    return {cache, HashPart(bytes)};
}

TEST(UpstreamMisses, are_held_for_their_time_in_their_cache) {
    UpstreamMisses misses(60s, 10);
    EXPECT_FALSE(misses.holds(key(1), k_start));
    misses.add(key(1), k_start);
    EXPECT_TRUE(misses.holds(key(1), k_start + 59s));
    EXPECT_FALSE(misses.holds(key(1, 2), k_start));
    EXPECT_FALSE(misses.holds(key(1), k_start + 60s));
}

TEST(UpstreamMisses, count_anew_when_they_are_added_again) {
    UpstreamMisses misses(60s, 10);
    misses.add(key(1), k_start);
    misses.add(key(1), k_start + 30s);
    misses.add(key(2), k_start + 70s);  // drops what is too old by then
    EXPECT_TRUE(misses.holds(key(1), k_start + 70s));
    EXPECT_FALSE(misses.holds(key(1), k_start + 90s));
}

TEST(UpstreamMisses, make_room_the_oldest_first) {
    UpstreamMisses misses(60s, 3);
    for (unsigned char i = 1; i <= 5; ++i) misses.add(key(i), k_start + i * 1s);
    EXPECT_FALSE(misses.holds(key(1), k_start + 6s));
    EXPECT_FALSE(misses.holds(key(2), k_start + 6s));
    for (unsigned char i = 3; i <= 5; ++i) EXPECT_TRUE(misses.holds(key(i), k_start + 6s));
    misses.clear();
    EXPECT_FALSE(misses.holds(key(5), k_start + 6s));
}

TEST(UpstreamMisses, of_no_time_are_none) {
    UpstreamMisses misses(0s, 3);
    misses.add(key(1), k_start);
    EXPECT_FALSE(misses.holds(key(1), k_start));
}

}  // namespace
}  // namespace narthex::service
