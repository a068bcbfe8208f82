#include "narthex/core/companion.hpp"

#include "narthex/core/http_target.hpp"

#include <algorithm>

namespace narthex {

namespace {

constexpr std::size_t k_longest_path = 1024;

bool take_prefix(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
    if (!text.ends_with(suffix)) return false;
    text.remove_suffix(suffix.size());
    return true;
}

bool is_graphic(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

bool is_hex(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    });
}

// Output names are names of store paths ("out", "dev").
bool is_output_name(std::string_view text) {
    return BaseName::parse(std::string(HashPart::k_text_size, '0') + '-' + std::string(text))
        .has_value();
}

bool is_build_id(std::string_view text) {
    take_suffix(text, ".debug");
    return text.size() >= 2 && text.size() <= 128 && is_hex(text);
}

bool is_realisation(std::string_view text) {
    constexpr std::size_t k_hex = 64;
    if (!take_suffix(text, ".doi") || !take_prefix(text, "sha256:")) return false;
    if (text.size() <= k_hex || !is_hex(text.substr(0, k_hex)) || text[k_hex] != '!') return false;
    return is_output_name(text.substr(k_hex + 1));
}

bool is_build_trace(std::string_view text) {
    const auto slash = text.find('/');
    const auto version = text.substr(0, slash);
    if (slash == text.npos || version.empty() || version.size() > 9) return false;
    if (!std::ranges::all_of(version, [](char c) { return c >= '0' && c <= '9'; })) return false;
    text.remove_prefix(slash + 1);
    const auto end = text.find('/');
    if (end == text.npos || !take_suffix(text, ".doi") || end + 1 > text.size()) return false;
    const auto derivation = text.substr(0, end);
    return derivation.ends_with(".drv") && BaseName::parse(derivation) &&
           is_output_name(text.substr(end + 1));
}

std::optional<CompanionKind> kind_of(std::string_view path) {
    if (take_prefix(path, "log/")) {
        if (BaseName::parse(path)) return CompanionKind::log;
    } else if (take_prefix(path, "debuginfo/")) {
        if (is_build_id(path)) return CompanionKind::debuginfo;
    } else if (take_prefix(path, "realisations/")) {
        if (is_realisation(path)) return CompanionKind::realisation;
    } else if (take_prefix(path, "build-trace-v")) {
        if (is_build_trace(path)) return CompanionKind::build_trace;
    }
    return std::nullopt;
}

}  // namespace

std::optional<CompanionPath> parse_companion_path(std::string_view encoded) {
    if (encoded.size() > 3 * k_longest_path) return std::nullopt;
    auto path = percent_decode(encoded);
    if (!path || path->size() > k_longest_path || !is_safe_relative_path(*path) ||
        !is_graphic(*path)) {
        return std::nullopt;
    }
    std::string_view name = *path;
    if (take_suffix(name, ".ls")) {
        const auto hash = HashPart::parse(name);
        if (hash) return CompanionPath{CompanionKind::listing, std::move(*path), *hash};
    }
    const auto kind = kind_of(*path);
    if (!kind) return std::nullopt;
    return CompanionPath{*kind, std::move(*path), std::nullopt};
}

std::string_view to_string(CompanionKind kind) {
    switch (kind) {
        case CompanionKind::listing:
            return "listing";
        case CompanionKind::log:
            return "log";
        case CompanionKind::debuginfo:
            return "debuginfo";
        case CompanionKind::realisation:
            return "realisation";
        case CompanionKind::build_trace:
            return "build-trace";
    }
    return "";
}

std::string_view content_type_of(CompanionKind kind) {
    return kind == CompanionKind::log ? "text/plain; charset=utf-8" : "application/json";
}

}  // namespace narthex
