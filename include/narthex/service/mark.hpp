// All that seeds reach, by one of two engines with the same answer: PostgreSQL's recursive query,
// which reads only what is reached but has it all in the memory of one backend, and passes over the
// whole graph with a bit a path (core/marking.hpp), which are faster wherever much is reached.
#pragma once

#include "narthex/core/bitmap.hpp"
#include "narthex/db/mark_reader.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace narthex::service {

enum class Engine { sql, stream };
[[nodiscard]] std::string_view to_string(Engine engine);
[[nodiscard]] std::optional<Engine> parse_engine(std::string_view text);

// Paths in the database above which streaming is quicker (docs/performance.md).
inline constexpr std::uint64_t k_stream_above = 1'000'000;
// The engine for a graph of so many paths where nobody chose one: streams above `stream_above`.
[[nodiscard]] Engine choose_engine(int last_path_id, std::uint64_t stream_above);

// Called now and then with what is being done (a literal) and how much of it.
using MarkProgress = std::function<void(std::string_view phase, std::uint64_t paths)>;

// Adds to `marked` the seeds and what they reach. What `marked` has must be there with all that it
// reaches. Throws what db::MarkReader throws.
void mark(
    db::MarkReader& reader,
    Engine engine,
    const Bitmap& seeds,
    Bitmap& marked,
    const MarkProgress& progress
);

}  // namespace narthex::service
