// No answer from memory is older than the last change that was heard of.
#include "narthex/http/narinfo_cache.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <thread>

namespace narthex::http {
namespace {

using Clock = NarinfoCache::Clock;
using service::Epochs;

constexpr std::size_t k_much = 64 << 20;
const auto k_old = std::chrono::system_clock::time_point{};

PathKey key_of(int number, int cache = 1) {
    std::array<unsigned char, HashPart::k_size> bytes{};
    bytes[0] = static_cast<unsigned char>(number % 2);  // two buckets
    bytes[2] = static_cast<unsigned char>(number >> 16);
    bytes[3] = static_cast<unsigned char>(number >> 8);
    bytes[19] = static_cast<unsigned char>(number);
    return {cache, HashPart(bytes)};
}

std::shared_ptr<const NarinfoAnswer> answer_of(const std::string& text) {
    return render_narinfo(text, k_old, {});
}

class Narinfos : public testing::Test {
  protected:
    Narinfos() { epochs_.trust_until(Clock::time_point::max()); }

    void fill(int number, const std::string& text) {
        cache_.fill(key_of(number), stamp(number), {answer_of(text)}, now_);
    }
    void fill_absent(int number) { cache_.fill(key_of(number), stamp(number), {}, now_); }
    void fill_hidden(int number) {
        cache_.fill(key_of(number), stamp(number), {nullptr, true}, now_);
    }
    [[nodiscard]] Epochs::Stamp stamp(int number) const {
        return epochs_.stamp(key_of(number).hash);
    }
    // "(absent)" or "(hidden)" when that is known, "(unknown)" when nothing is.
    std::string found(int number) {
        const auto known = cache_.find(key_of(number), now_);
        if (!known) return "(unknown)";
        if (known->narinfo) return known->narinfo->body;
        return known->hidden ? "(hidden)" : "(absent)";
    }

    Epochs epochs_;
    NarinfoCache cache_{k_much, {}, epochs_};
    Clock::time_point now_ = Clock::now();
};

TEST_F(Narinfos, are_found_as_they_were_put_in) {
    fill(1, "one");
    fill_absent(2);
    EXPECT_EQ(found(1), "one");
    EXPECT_EQ(found(2), "(absent)");
    EXPECT_EQ(found(3), "(unknown)");
    EXPECT_FALSE(cache_.find(key_of(1, 2), now_));  // of another cache
    fill_hidden(2);
    EXPECT_EQ(found(2), "(hidden)");
    fill(2, "two");
    EXPECT_EQ(found(2), "two");
    EXPECT_EQ(cache_.figures().entries, 2U);
    EXPECT_EQ(cache_.figures().hits, 4U);
}

TEST_F(Narinfos, fall_with_their_bucket_and_stay_with_another) {
    fill(1, "one");
    fill(2, "two");
    epochs_.raise(bucket_of(key_of(1).hash));
    EXPECT_EQ(found(1), "(unknown)");
    EXPECT_EQ(found(2), "two");
    epochs_.raise_all();
    EXPECT_EQ(found(2), "(unknown)");
}

TEST_F(Narinfos, that_raced_with_a_change_are_not_kept) {
    const auto before = stamp(1);
    epochs_.raise(bucket_of(key_of(1).hash));
    cache_.fill(key_of(1), before, {answer_of("old")}, now_);
    EXPECT_EQ(found(1), "(unknown)");
}

TEST_F(Narinfos, fall_with_their_hide_batches_alone) {
    const auto batches = std::uint64_t{1} << 3 | std::uint64_t{1} << 63;
    cache_.fill(key_of(1), stamp(1), {answer_of("one"), false, batches}, now_);
    cache_.fill(key_of(3), stamp(3), {nullptr, true, batches}, now_);
    fill(2, "two");
    epochs_.raise_batch(4);
    EXPECT_EQ(found(1), "one");
    EXPECT_EQ(found(3), "(hidden)");
    epochs_.raise_batch(64 + 63);
    EXPECT_EQ(found(1), "(unknown)");
    EXPECT_EQ(found(3), "(unknown)");
    EXPECT_EQ(found(2), "two");
    // Whatever was asked before that may be in it.
    const auto before = stamp(1);
    epochs_.raise_batch(5);
    cache_.fill(key_of(1), before, {answer_of("old"), false, std::uint64_t{1} << 5}, now_);
    EXPECT_EQ(found(1), "(unknown)");
}

TEST_F(Narinfos, are_not_given_while_nothing_is_heard) {
    fill(1, "one");
    fill_absent(2);
    epochs_.distrust();
    EXPECT_EQ(found(1), "(unknown)");
    fill(3, "three");
    epochs_.trust_until(Clock::time_point::max());
    EXPECT_EQ(found(3), "(unknown)");
    EXPECT_EQ(found(1), "one");
}

// A region that isn't up to date asks its primary instead.
TEST_F(Narinfos, that_are_absent_are_given_while_absences_count) {
    fill(1, "one");
    fill_absent(2);
    fill_hidden(3);
    epochs_.count_absences_until(now_ + std::chrono::seconds(1));
    EXPECT_EQ(found(2), "(absent)");
    EXPECT_EQ(found(3), "(hidden)");
    now_ += std::chrono::seconds(1);
    EXPECT_EQ(found(1), "one");
    EXPECT_EQ(found(2), "(unknown)");
    EXPECT_EQ(found(3), "(unknown)");
    epochs_.count_absences_until(Clock::time_point::max());
    EXPECT_EQ(found(2), "(absent)");
}

TEST_F(Narinfos, are_last_known_when_they_were_there) {
    fill(1, "one");
    fill_absent(2);
    epochs_.distrust();
    EXPECT_EQ(cache_.last_known(key_of(1))->body, "one");
    EXPECT_FALSE(cache_.last_known(key_of(2)));
    EXPECT_FALSE(cache_.last_known(key_of(3)));
    epochs_.raise_all();
    EXPECT_FALSE(cache_.last_known(key_of(1)));
}

// A lookup that succeeds while nothing is heard shows that the database can change unheard.
TEST_F(Narinfos, are_no_longer_known_once_the_database_has_answered_unheard) {
    const auto heard_until = now_ + std::chrono::seconds(1);
    epochs_.trust_until(heard_until);
    fill(1, "one");
    epochs_.distrust();
    fill(2, "two");
    EXPECT_EQ(cache_.last_known(key_of(1))->body, "one");
    now_ = heard_until;
    EXPECT_EQ(cache_.last_known(key_of(1))->body, "one");
    fill_absent(2);
    EXPECT_FALSE(cache_.last_known(key_of(1)));
}

TEST_F(Narinfos, that_are_new_are_rendered_again_when_they_no_longer_are) {
    const auto narinfo = render_narinfo("new", std::chrono::system_clock::now(), {});
    EXPECT_NE(narinfo->head.find("max-age=300\r\n"), std::string::npos);
    cache_.fill(key_of(1), stamp(1), {narinfo}, now_);
    EXPECT_EQ(found(1), "new");
    now_ += std::chrono::hours(2);
    EXPECT_EQ(found(1), "(unknown)");
}

TEST_F(Narinfos, take_no_more_memory_than_they_may) {
    constexpr std::size_t k_little = 1 << 20;
    NarinfoCache cache(k_little, {}, epochs_);
    const std::string text(1000, 'x');
    for (int number = 0; number < 5000; ++number) {
        cache.fill(key_of(number), stamp(number), {answer_of(text)}, now_);
        cache.fill(key_of(100'000 + number), stamp(number), {}, now_);
        ASSERT_LE(cache.figures().bytes, k_little);
    }
    EXPECT_GT(cache.figures().evictions, 4000U);
    EXPECT_GT(cache.figures().bytes, k_little / 2);
    // One that would push out all others isn't kept.
    cache.fill(key_of(7), stamp(7), {answer_of(std::string(k_little / 2, 'x'))}, now_);
    EXPECT_FALSE(cache.find(key_of(7), now_));
}

TEST_F(Narinfos, that_are_asked_for_outlive_those_that_are_not) {
    NarinfoCache cache(1 << 20, {}, epochs_);
    const auto answer = answer_of(std::string(1000, 'x'));
    cache.fill(key_of(16), stamp(16), {answer}, now_);
    for (int number = 1000; number < 5000; ++number) {
        cache.fill(key_of(number), stamp(number), {answer}, now_);
        ASSERT_TRUE(cache.find(key_of(16), now_)) << number;
    }
}

TEST_F(Narinfos, of_a_cache_without_memory_are_unknown) {
    NarinfoCache cache(0, {}, epochs_);
    cache.fill(key_of(1), stamp(1), {answer_of("one")}, now_);
    EXPECT_FALSE(cache.find(key_of(1), now_));
}

// A database whose paths have versions, what it has said and what was heard of it, and a server.
class Model {
  public:
    Model() { epochs_.trust_until(Clock::time_point::max()); }

    void change(int key) {
        ++committed_[key];
        say([key](Epochs& epochs) { epochs.raise(bucket_of(key_of(key).hash)); });
    }
    void change_all() {
        for (int key = 0; key < k_keys; ++key) ++committed_[key];
        say([](Epochs& epochs) { epochs.raise_all(); });
    }
    // Another path comes into the hide batch, of which the buckets are announced then.
    void hide_another() {
        if (in_batch_ == k_keys - 1) return;
        ++in_batch_;
        announced_ = 0;
    }
    void announce() {
        if (announced_ == k_key_buckets) return;
        say([key = announced_++](Epochs& epochs) { epochs.raise(bucket_of(key_of(key).hash)); });
    }
    // One flag changes many paths at once.
    void flip() {
        for (int key = 0; key < in_batch_; ++key) ++committed_[key];
        say([known = announced_ == k_key_buckets](Epochs& epochs) {
            known ? epochs.raise_batch(k_batch) : epochs.raise_all();
        });
    }
    void hear() {
        if (!listening_ || said_.empty()) return;
        const auto said = said_.front();
        said_.pop_front();
        said.raise(epochs_);
        for (const auto& [key, version] : said.versions)
            heard_[key] = std::max(heard_[key], version);
    }
    void lose() {
        listening_ = false;
        said_.clear();
        epochs_.distrust();
    }
    void find_again() {
        if (listening_) return;
        listening_ = true;
        epochs_.raise_all();
        heard_ = committed_;
        epochs_.trust_until(Clock::time_point::max());
    }
    void ask(int key) {
        if (const auto known = cache_.find(key_of(key), Clock::now())) {
            RC_ASSERT(listening_);
            RC_ASSERT(is_recent(key, known->narinfo));
            return;
        }
        if (const auto known = cache_.last_known(key_of(key))) {
            RC_ASSERT(is_recent(key, known));
        }
        asked_.push_back({key, epochs_.stamp(key_of(key).hash), std::nullopt, 0});
    }
    void send(int which) {
        if (asked_.empty()) return;
        auto& lookup = at(which);
        if (lookup.version) return;
        lookup.version = committed_[lookup.key];
        if (lookup.key < in_batch_) lookup.batches = std::uint64_t{1} << k_batch % 64;
    }
    void answer(int which) {
        if (asked_.empty() || !at(which).version) return;
        const auto lookup = at(which);
        const bool absent = *lookup.version % k_absent_each == 0;
        cache_.fill(
            key_of(lookup.key),
            lookup.stamp,
            {absent ? nullptr : answer_of(std::to_string(*lookup.version)), absent, lookup.batches},
            Clock::now()
        );
        asked_.erase(asked_.begin() + which % static_cast<int>(asked_.size()));
    }

    static constexpr int k_keys = 6;

  private:
    struct Lookup {
        int key;
        Epochs::Stamp stamp;
        std::optional<int> version;  // read when it was sent, as are the batches
        std::uint64_t batches;
    };
    struct Said {
        std::map<int, int> versions;
        std::function<void(Epochs&)> raise;
    };

    void say(std::function<void(Epochs&)> raise) {
        if (listening_) said_.push_back({committed_, std::move(raise)});
    }

    Lookup& at(int which) { return asked_[static_cast<std::size_t>(which) % asked_.size()]; }
    // Not older than what was heard. That it is absent must have been so since.
    bool is_recent(int key, const std::shared_ptr<const NarinfoAnswer>& narinfo) {
        if (narinfo) return std::stoi(narinfo->body) >= heard_[key];
        return committed_[key] / k_absent_each * k_absent_each >= heard_[key];
    }

    static constexpr int k_absent_each = 3;  // every third version of a path is its absence
    static constexpr int k_key_buckets = 2;  // of keys 0 and 1
    static constexpr int k_batch = 70;

    Epochs epochs_;
    NarinfoCache cache_{k_much, {}, epochs_};
    std::map<int, int> committed_;
    std::map<int, int> heard_;
    std::deque<Said> said_;
    std::vector<Lookup> asked_;
    bool listening_ = true;
    int in_batch_ = 1;  // so many keys, from the first on
    int announced_ = 0;
};

void take_step(Model& model, int kind, int which) {
    switch (kind) {
        case 0:
            return model.change(which % Model::k_keys);
        case 1:
        case 2:
            return model.hear();
        case 3:
        case 4:
        case 5:
            return model.ask(which % Model::k_keys);
        case 6:
        case 7:
            return model.send(which);
        case 8:
        case 9:
            return model.answer(which);
        case 10:
            return which % 4 == 0 ? model.change_all() : model.find_again();
        case 11:
            return which % 8 == 0 ? model.lose() : model.find_again();
        case 12:
            return which % 8 == 0 ? model.hide_another() : model.announce();
        case 13:
            return model.flip();
        default:
            return model.hear();
    }
}

TEST(NarinfosInAnyOrder, are_never_older_than_what_was_heard) {
    EXPECT_TRUE(rc::check("fill, change, hear, lose and find again", [] {
        Model model;
        using Step = std::pair<int, int>;
        const auto steps = *rc::gen::container<std::vector<Step>>(
            400, rc::gen::pair(rc::gen::inRange(0, 16), rc::gen::inRange(0, 1000))
        );
        for (const auto& [kind, which] : steps) take_step(model, kind, which);
    }));
}

// The same with threads: each version is committed, then heard, then promised.
TEST(NarinfosInAnyOrder, hold_with_many_threads) {
    constexpr int k_keys = 8;
    constexpr int k_versions = 20'000;
    constexpr int k_hits = 10'000;
    Epochs epochs;
    epochs.trust_until(Clock::time_point::max());
    NarinfoCache cache(1 << 20, {}, epochs);
    std::array<std::atomic<int>, k_keys> committed{};
    std::array<std::atomic<int>, k_keys> promised{};
    std::atomic<bool> ended = false;
    std::atomic<int> too_old = 0;
    std::atomic<int> hits = 0;
    const auto read = [&](int first) {
        for (int i = first; !ended; ++i) {
            const auto at = static_cast<std::size_t>(i % k_keys);
            const auto key = key_of(i % k_keys);
            const int least = promised[at];
            if (const auto known = cache.find(key, Clock::now())) {
                ++hits;
                if (std::stoi(known->narinfo->body) < least) ++too_old;
                continue;
            }
            const auto stamp = epochs.stamp(key.hash);
            cache.fill(key, stamp, {answer_of(std::to_string(committed[at].load()))}, Clock::now());
        }
    };
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back(read, i);
    const auto end = Clock::now() + std::chrono::seconds(60);
    for (int version = 1; version <= k_versions || hits < k_hits; ++version) {
        const auto at = static_cast<std::size_t>(version % k_keys);
        committed[at] = version;
        const auto bucket = bucket_of(key_of(version % k_keys).hash);
        version % 100 == 0 ? epochs.raise_all() : epochs.raise(bucket);
        promised[at] = version;
        if (version % 16 == 0) std::this_thread::yield();
        if (version % 1024 == 0 && Clock::now() > end) break;
    }
    ended = true;
    for (auto& reader : readers) reader.join();
    EXPECT_EQ(too_old, 0);
    EXPECT_GE(hits, k_hits);
}

}  // namespace
}  // namespace narthex::http
