// What is counted beside answers in memory: nothing is lost or counted twice, whatever becomes of
// the answers.
#include "narthex/http/narinfo_cache.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>

namespace narthex::http {
namespace {

using Clock = NarinfoCache::Clock;
using service::Epochs;
using service::RequestCounts;
using service::Requests;
using Sums = std::map<int, Requests>;

PathKey key_of(int number) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes[0] = static_cast<unsigned char>(number % 3);  // buckets
    bytes[18] = static_cast<unsigned char>(number);
    bytes[19] = static_cast<unsigned char>(number % 2);  // shards
    return {1, HashPart(bytes)};
}

NarinfoCache::Found answer_of(std::size_t bytes) {
    return {render_narinfo(std::string(bytes, 'x'), {}, {})};
}

class CountedNarinfos : public testing::Test {
  protected:
    CountedNarinfos() { epochs_.trust_until(Clock::time_point::max()); }

    void fill(int number, const NarinfoCache::Found& found) {
        cache_.fill(key_of(number), epochs_.stamp(key_of(number).hash), found, now_);
    }
    void find(int number, int times) {
        for (int i = 0; i < times; ++i) EXPECT_TRUE(cache_.find(key_of(number), now_));
    }
    Sums taken() {
        Sums sums;
        for (const auto& [key, requests] : counts_.take()) {
            sums[key.hash.bytes()[18]] += requests;
        }
        return sums;
    }

    Epochs epochs_;
    RequestCounts counts_;
    NarinfoCache cache_{1 << 20, {}, epochs_, &counts_};
    Clock::time_point now_ = Clock::now();
};

TEST_F(CountedNarinfos, are_handed_over_when_it_is_asked_for) {
    fill(1, answer_of(10));
    fill(2, {nullptr, true});
    fill(3, {});  // absent ones are nobody's
    find(1, 3);
    find(2, 2);
    find(3, 5);
    EXPECT_EQ(taken(), Sums{});
    cache_.hand_over_counts();
    EXPECT_EQ(taken(), (Sums{{1, {3, 0}}, {2, {0, 2}}}));
    cache_.hand_over_counts();
    EXPECT_EQ(taken(), Sums{});
    find(1, 1);
    cache_.hand_over_counts();
    EXPECT_EQ(taken(), (Sums{{1, {1, 0}}}));
}

TEST_F(CountedNarinfos, are_handed_over_when_they_go) {
    for (int number = 1; number <= 5; ++number) fill(number, answer_of(10));
    for (int number = 1; number <= 5; ++number) find(number, number);
    fill(2, {nullptr, true});                    // replaced
    epochs_.raise(bucket_of(key_of(4).hash));    // and key 1's
    EXPECT_FALSE(cache_.find(key_of(4), now_));  // invalidated
    EXPECT_EQ(taken(), (Sums{{2, {2, 0}}, {4, {4, 0}}}));
    find(2, 7);
    cache_.hand_over_counts();
    EXPECT_EQ(taken(), (Sums{{1, {1, 0}}, {2, {0, 7}}, {3, {3, 0}}, {5, {5, 0}}}));
}

TEST_F(CountedNarinfos, count_what_is_last_known_of_them) {
    fill(1, answer_of(10));
    epochs_.distrust();
    EXPECT_TRUE(cache_.last_known(key_of(1)));
    EXPECT_FALSE(cache_.last_known(key_of(2)));
    cache_.hand_over_counts();
    EXPECT_EQ(taken(), (Sums{{1, {1, 0}}}));
}

TEST_F(CountedNarinfos, are_counted_by_hand_where_the_database_answered) {
    cache_.count(key_of(1), answer_of(10));
    cache_.count(key_of(1), {nullptr, true});
    cache_.count(key_of(2), {});
    EXPECT_EQ(taken(), (Sums{{1, {1, 1}}}));
}

TEST_F(CountedNarinfos, are_not_counted_where_nobody_wants_to_know) {
    NarinfoCache cache(1 << 20, {}, epochs_);
    cache.fill(key_of(1), epochs_.stamp(key_of(1).hash), answer_of(10), now_);
    EXPECT_TRUE(cache.find(key_of(1), now_));
    cache.count(key_of(1), answer_of(10));
    cache.hand_over_counts();
}

// In any order, with so little memory that answers push each other out.
TEST(CountedNarinfosInAnyOrder, are_as_many_as_were_given) {
    EXPECT_TRUE(rc::check("find, fill, invalidate, hand over, take", [] {
        Epochs epochs;
        epochs.trust_until(Clock::time_point::max());
        RequestCounts counts;
        NarinfoCache cache(16 * 4096, {}, epochs, &counts);
        Sums wanted;
        Sums sums;
        const auto take = [&] {
            for (const auto& [key, requests] : counts.take()) {
                sums[key.hash.bytes()[18]] += requests;
            }
        };
        using Step = std::pair<int, int>;
        const auto steps = *rc::gen::container<std::vector<Step>>(
            500, rc::gen::pair(rc::gen::inRange(0, 20), rc::gen::inRange(0, 12))
        );
        for (const auto& [kind, number] : steps) {
            const auto key = key_of(number);
            const auto stamp = epochs.stamp(key.hash);
            if (kind < 10) {
                const auto found = cache.find(key, Clock::now());
                if (!found) continue;
                if (found->narinfo) ++wanted[number].served;
                if (found->hidden) ++wanted[number].hidden;
            } else if (kind < 15) {
                cache.fill(key, stamp, answer_of(600), Clock::now());
            } else if (kind < 17) {
                cache.fill(key, stamp, {nullptr, kind == 15}, Clock::now());
            } else if (kind == 17) {
                epochs.raise(bucket_of(key.hash));
            } else if (kind == 18) {
                cache.hand_over_counts();
            } else {
                take();
            }
        }
        cache.hand_over_counts();
        take();
        RC_ASSERT(sums == wanted);
    }));
}

TEST(CountedNarinfosInAnyOrder, are_as_many_with_many_threads) {
    constexpr int k_threads = 3;
    constexpr int k_finds = 30'000;
    Epochs epochs;
    epochs.trust_until(Clock::time_point::max());
    RequestCounts counts;
    NarinfoCache cache(16 * 4096, {}, epochs, &counts);
    std::array<std::atomic<std::uint64_t>, 12> given{};
    std::atomic<int> running = k_threads;
    const auto find = [&](int first) {
        for (int i = first; i < first + k_finds; ++i) {
            const auto key = key_of(i % 12);
            const auto stamp = epochs.stamp(key.hash);
            if (i % 100 == 0) epochs.raise(bucket_of(key.hash));
            if (cache.find(key, Clock::now())) {
                ++given[static_cast<std::size_t>(i % 12)];
            } else {
                cache.fill(key, stamp, answer_of(600), Clock::now());
            }
        }
        --running;
    };
    std::vector<std::thread> threads;
    for (int thread = 0; thread < k_threads; ++thread) threads.emplace_back(find, thread);
    std::array<std::uint64_t, 12> sums{};
    const auto take = [&] {
        cache.hand_over_counts();
        for (const auto& [key, requests] : counts.take()) {
            sums.at(key.hash.bytes()[18]) += requests.served;
        }
    };
    while (running > 0) take();
    for (auto& thread : threads) thread.join();
    take();
    for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(sums.at(i), given.at(i)) << i;
}

}  // namespace
}  // namespace narthex::http
