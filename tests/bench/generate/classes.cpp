#include "classes.hpp"

#include <algorithm>
#include <span>

namespace narthex::bench {

namespace {

struct Quantile {
    double share;
    double count;
};

constexpr std::array k_package = {
    Quantile{0.15, 0},
    Quantile{0.25, 1},
    Quantile{0.50, 4},
    Quantile{0.60, 5},
    Quantile{0.70, 8},
    Quantile{0.75, 10},
    Quantile{0.80, 14},
    Quantile{0.90, 29},
    Quantile{0.95, 55},
    Quantile{0.98, 85},
    Quantile{0.99, 136},
    Quantile{0.998, 220},
    Quantile{1, 529},
};
constexpr std::array k_config = {
    Quantile{0.08, 0},
    Quantile{0.25, 7},
    Quantile{0.50, 8},
    Quantile{0.60, 14},
    Quantile{0.70, 68},
    Quantile{0.75, 75},
    Quantile{0.90, 89},
    Quantile{0.99, 138},
    Quantile{1, 200},
};
constexpr std::array k_test = {
    Quantile{0.19, 0},
    Quantile{0.50, 3},
    Quantile{0.80, 5},
    Quantile{0.95, 10},
    Quantile{1, 21},
};
constexpr std::array k_source = {Quantile{0.73, 0}, Quantile{1, 7}};
constexpr std::array k_image = {Quantile{0, 0}, Quantile{1, 24}};

// The inverse of the distribution function, a straight line from each quantile to the next.
double interpolate(std::span<const Quantile> quantiles, double share) {
    if (share <= quantiles.front().share) return quantiles.front().count;
    std::size_t i = 1;
    while (i + 1 < quantiles.size() && quantiles[i].share < share) ++i;
    const Quantile& low = quantiles[i - 1];
    const Quantile& high = quantiles[i];
    return low.count + (high.count - low.count) * (share - low.share) / (high.share - low.share);
}

std::size_t whole(double count) {
    return static_cast<std::size_t>(std::lround(std::max(count, 0.0)));
}

}  // namespace

Class draw_class(Random& random) {
    double left = random.unit();
    for (std::size_t i = 0; i < k_classes; ++i) {
        if (left < k_class_shares[i]) return static_cast<Class>(i);
        left -= k_class_shares[i];
    }
    return Class::package;
}

std::size_t draw_reference_count(Class kind, Random& random) {
    switch (kind) {
        case Class::package:
            return whole(interpolate(k_package, random.unit()));
        case Class::config:
            return whole(interpolate(k_config, random.unit()));
        case Class::test:
            return whole(interpolate(k_test, random.unit()));
        case Class::system:
            return whole(random.normal(44, 5));
        case Class::closure_info:
            return whole(std::clamp(random.normal(558, 65), 300.0, 721.0));
        case Class::source:
            return whole(interpolate(k_source, random.unit()));
        case Class::image:
            return whole(interpolate(k_image, random.unit()));
    }
    return 0;
}

bool is_referred_to(Class kind) {
    return kind == Class::package || kind == Class::config || kind == Class::source;
}

}  // namespace narthex::bench
