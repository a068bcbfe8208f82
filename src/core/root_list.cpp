#include "narthex/core/root_list.hpp"

#include "narthex/core/quote.hpp"

#include <algorithm>

namespace narthex {

namespace {

// No store path is as long.
constexpr std::size_t k_longest_line = 4096;
constexpr std::string_view k_blank = " \t\r";

}  // namespace

RootListReader::RootListReader(std::string store_dir) : store_dir_(std::move(store_dir)) {}

Error RootListReader::fault(std::string_view what) const {
    return Error{std::to_string(line_) + ": " + std::string(what)};
}

Result<void> RootListReader::feed(std::string_view piece) {
    while (!piece.empty()) {
        const auto end = piece.find('\n');
        pending_ += piece.substr(0, end);
        if (pending_.size() > k_longest_line)
            return fault("this line is too long for a store path");
        if (end == std::string_view::npos) return {};
        if (auto taken = take(pending_); !taken) return taken;
        pending_.clear();
        ++line_;
        piece.remove_prefix(end + 1);
    }
    return {};
}

Result<void> RootListReader::take(std::string_view line) {
    line = line.substr(0, line.find_last_not_of(k_blank) + 1);
    if (line.empty()) return {};
    auto path = StorePath::parse(line);
    if (!path) return fault(path.error().message);
    if (path->store_dir != store_dir_) {
        return fault(quote(line) + " is not of " + store_dir_ + ", which is what this cache holds");
    }
    const auto [at, fresh] = names_.try_emplace(path->base.hash, path->base.name);
    if (!fresh && at->second != path->base.name) {
        return fault(
            quote(line) + " has the hash part of another path, " + at->first.to_string() + '-' +
            at->second
        );
    }
    if (names_.size() > k_most_root_paths) {
        return fault("there are more than " + std::to_string(k_most_root_paths) + " paths");
    }
    return {};
}

Result<std::vector<BaseName>> RootListReader::finish() {
    if (auto taken = take(pending_); !taken) return taken.error();
    if (names_.empty()) return fault("there is no path in this list");
    std::vector<BaseName> paths;
    paths.reserve(names_.size());
    for (auto& [hash, name] : names_) paths.push_back({hash, std::move(name)});
    names_.clear();
    std::ranges::sort(paths);
    return paths;
}

}  // namespace narthex
