// What every fuzz target needs: the input as text, and a check that stops the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace narthex::fuzz {

// assert() would be gone in a build with NDEBUG.
inline void require(bool holds) {
    if (!holds) std::abort();
}

// Each target defines this. Any text is allowed.
void test_one(std::string_view text);

}  // namespace narthex::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    narthex::fuzz::test_one({reinterpret_cast<const char*>(data), size});
    return 0;
}
