#include "fuzz.hpp"

#include "narthex/core/root_list.hpp"

#include <algorithm>

namespace narthex::fuzz {

namespace {

constexpr std::string_view k_store_dir = "/nix/store";

// In two pieces.
Result<std::vector<BaseName>> read(std::string_view text, std::size_t cut) {
    RootListReader reader{std::string(k_store_dir)};
    for (const auto piece : {text.substr(0, cut), text.substr(cut)}) {
        if (auto fed = reader.feed(piece); !fed) return fed.error();
    }
    return reader.finish();
}

}  // namespace

void test_one(std::string_view text) {
    const auto paths = read(text, 0);
    const auto again = read(text, text.size() / 2);
    require(paths.has_value() == again.has_value());
    if (!paths) {
        require(paths.error().message == again.error().message);
        require(paths.error().message[0] >= '1' && paths.error().message[0] <= '9');
        return;
    }
    require(*paths == *again && !paths->empty() && std::ranges::is_sorted(*paths));
    std::string rendered;
    for (const auto& path : *paths) {
        rendered += StorePath{std::string(k_store_dir), path}.to_string() + '\n';
    }
    require(read(rendered, rendered.size()).value() == *paths);
}

}  // namespace narthex::fuzz
