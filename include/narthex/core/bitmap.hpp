// A set of path ids, one bit for each id that there is. Pure; one thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace narthex {

class Bitmap {
  public:
    // Empty, for ids from 0 to `last`.
    explicit Bitmap(int last) : last_(last), words_((static_cast<std::size_t>(last) >> 6) + 1, 0) {}

    [[nodiscard]] int last() const { return last_; }

    // False for ids past the last one: nobody has these.
    [[nodiscard]] bool test(int id) const {
        return contains(id) && (words_[word(id)] >> bit(id) & 1) != 0;
    }

    // True when it wasn't there. Ids past the last one are left out.
    bool add(int id) {
        if (!contains(id)) return false;
        auto& at = words_[word(id)];
        const auto one = std::uint64_t{1} << bit(id);
        if ((at & one) != 0) return false;
        at |= one;
        return true;
    }

    [[nodiscard]] std::size_t count() const {
        std::size_t count = 0;
        for (const auto each : words_) count += static_cast<std::size_t>(std::popcount(each));
        return count;
    }

    // What `other`, for as many ids, has too is taken out.
    void remove(const Bitmap& other) {
        if (other.last_ != last_) throw std::logic_error("bitmaps of different sizes");
        for (std::size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
    }

    // Calls `job` with each id, ascending.
    template <class Job>
    void for_each(Job&& job) const {
        for (std::size_t i = 0; i < words_.size(); ++i) {
            for (auto left = words_[i]; left != 0; left &= left - 1) {
                job(static_cast<int>(i * 64) + std::countr_zero(left));
            }
        }
    }

    [[nodiscard]] std::vector<int> ids() const {
        std::vector<int> out;
        out.reserve(count());
        for_each([&](int id) { out.push_back(id); });
        return out;
    }

  private:
    static std::size_t word(int id) { return static_cast<std::size_t>(id) >> 6; }
    static unsigned bit(int id) { return static_cast<unsigned>(id) & 63; }
    [[nodiscard]] bool contains(int id) const { return id >= 0 && id <= last_; }

    int last_;
    std::vector<std::uint64_t> words_;
};

}  // namespace narthex
