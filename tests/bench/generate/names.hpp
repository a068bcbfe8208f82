// Names of store paths, as long as real ones: mean 21 characters, median 19.
#pragma once

#include "classes.hpp"
#include "random.hpp"

#include <string>

namespace narthex::bench {

// Paths at the start of each mass rebuild that half the others refer to: glibc and its like.
inline constexpr std::size_t k_hubs = 60;

[[nodiscard]] std::string hub_name(std::size_t hub, Random& random);

[[nodiscard]] std::string draw_name(Class kind, Random& random);

}  // namespace narthex::bench
