// The order in which a batch of narinfos gets its path ids: every path that a narinfo of the batch
// names, each once, references before their referrers wherever there is such an order.
// Pure; any thread.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <span>
#include <vector>

namespace narthex {

[[nodiscard]] std::vector<HashPart> references_first(std::span<const Narinfo* const> batch);

}  // namespace narthex
