#include "fuzz.hpp"

#include "narthex/core/nar_url.hpp"
#include "narthex/core/store_path.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"

#include <string>
#include <vector>

namespace narthex::fuzz {

namespace {

constexpr std::size_t k_header_limit = 512;

std::vector<Cache> make_caches() {
    Cache nix;
    nix.name = k_default_cache;
    Cache guix;
    guix.name = "guix";
    return {nix, guix};
}

void check_route(std::string_view target) {
    static const auto caches = make_caches();
    const auto found = http::route(target, caches);
    if (found.resource == http::Resource::narinfo) {
        require(found.cache != nullptr && found.hash.has_value());
    }
    if (found.resource == http::Resource::nar) {
        require(found.cache != nullptr && found.nar.starts_with("nar/"));
        require(found.nar.find("..") == std::string::npos || nar_path(found.nar).has_value());
    }
}

// What a connection whose bytes arrive `step` at a time makes of them.
std::vector<std::string> targets_of(std::string_view bytes, std::size_t step) {
    std::vector<std::string> targets;
    std::string carry;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        carry += bytes.substr(at, step);
        while (!carry.empty()) {
            auto progress = http::parse_request(carry, k_header_limit);
            require(progress.consumed <= carry.size());
            if (progress.error) return targets;
            if (!progress.request) {
                carry.erase(0, progress.consumed);
                break;
            }
            const http::KeptRequest kept(*progress.request);
            carry.erase(0, progress.consumed);
            targets.emplace_back(kept->target);
            if (kept->has_body) return targets;
        }
    }
    return targets;
}

}  // namespace

void test_one(std::string_view text) {
    check_route(text);
    const auto whole = targets_of(text, text.size() + 1);
    const auto pieces = targets_of(text, 7);
    for (std::size_t i = 0; i < whole.size() && i < pieces.size(); ++i) {
        require(whole[i] == pieces[i]);
    }
    for (const auto& target : whole) check_route(target);
}

}  // namespace narthex::fuzz
