// A random number generator that gives the same numbers everywhere: the standard library's
// distributions may differ from one to the next, and a data set is named by its seed alone.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>

namespace narthex::bench {

class Random {
  public:
    // Different streams of one seed are independent.
    Random(std::uint64_t seed, std::uint64_t stream) : state_(seed * 0x9e3779b97f4a7c15 + stream) {
        state_ = word() ^ stream << 32;
    }

    // splitmix64.
    std::uint64_t word() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }

    // In [0, limit); limit must not be 0. Biased by limit / 2^64, which nobody will see.
    std::size_t below(std::size_t limit) { return word() % limit; }

    // In [0, 1).
    double unit() { return static_cast<double>(word() >> 11) * 0x1p-53; }

    bool chance(double probability) { return unit() < probability; }

    double normal(double mean, double deviation) {
        const double radius = std::sqrt(-2 * std::log(1 - unit()));
        return mean + deviation * radius * std::cos(2 * std::numbers::pi * unit());
    }

    template <std::size_t N>
    std::array<unsigned char, N> bytes() {
        std::array<unsigned char, N> result{};
        for (std::size_t i = 0; i < N; i += 8) {
            const std::uint64_t from = word();
            for (std::size_t j = 0; j < 8 && i + j < N; ++j) {
                result[i + j] = static_cast<unsigned char>(from >> 8 * j);
            }
        }
        return result;
    }

  private:
    std::uint64_t state_;
};

}  // namespace narthex::bench
