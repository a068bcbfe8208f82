// What kinds of path cache.nixos.org holds, and how many references each kind has: a sample of 978
// narinfos, 2026.
#pragma once

#include "random.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace narthex::bench {

enum class Class { package, config, test, system, closure_info, source, image };
inline constexpr std::size_t k_classes = 7;
inline constexpr std::array<std::string_view, k_classes> k_class_names = {
    "package", "config", "test", "system", "closure-info", "source", "image"};
inline constexpr std::array<double, k_classes> k_class_shares = {
    0.706, 0.158, 0.064, 0.029, 0.027, 0.011, 0.005};

[[nodiscard]] Class draw_class(Random& random);

[[nodiscard]] std::size_t draw_reference_count(Class kind, Random& random);

// Other paths refer to packages, pieces of configuration and sources; the rest are ends.
[[nodiscard]] bool is_referred_to(Class kind);

}  // namespace narthex::bench
