#include "narthex/core/root.hpp"

#include "narthex/core/quote.hpp"

#include <algorithm>

namespace narthex {

namespace {

constexpr std::size_t k_longest_name = 128;
constexpr std::array<std::string_view, 4> k_names = {"pin", "list", "bump", "pattern"};

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_root_name(std::string_view name) {
    if (name.empty() || name.size() > k_longest_name || !is_alphanumeric(name[0])) return false;
    return std::ranges::all_of(name, [](char c) {
        return is_alphanumeric(c) || std::string_view("._@+:/-").find(c) != std::string_view::npos;
    });
}

}  // namespace

std::string_view to_string(RootKind kind) {
    return k_names.at(static_cast<std::size_t>(kind));
}

std::optional<RootKind> parse_root_kind(std::string_view text) {
    const auto at =
        std::ranges::find(k_root_kinds, text, [](auto kind) { return to_string(kind); });
    if (at == k_root_kinds.end()) return std::nullopt;
    return *at;
}

Result<void> check_root_name(std::string_view name) {
    if (is_root_name(name)) return {};
    return Error{
        quote(name) +
        " can't be a name: 1 to 128 letters, digits or any of ._@+:/- are wanted, the first one a "
        "letter or a digit"};
}

}  // namespace narthex
