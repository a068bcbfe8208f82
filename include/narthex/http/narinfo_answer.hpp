// A narinfo as it goes out: rendered once, when it comes from the database, and sent many times.
// Pure, any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/service/lookups.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace narthex::http {

// Cache-Control: max-age for proxies and CDNs, and for Guix (Nix has its own times).
struct MaxAges {
    std::chrono::seconds hit{86'400};
    std::chrono::seconds miss{60};
    std::chrono::seconds new_path{300};  // of a narinfo that is younger than `new_for`
    std::chrono::seconds new_for{3600};
};

struct NarinfoAnswer : service::RenderedNarinfo {
    std::string head;  // of a 200
    std::string body;
    std::string etag;
    std::string cache_control;
    std::chrono::steady_clock::time_point
        renders_until;  // until then it would be rendered the same

    [[nodiscard]] std::size_t bytes() const {
        return sizeof *this + head.capacity() + body.capacity() + etag.capacity() +
               cache_control.capacity();
    }
};

// `first_seen`: since when the cache has had the narinfo. The ETag is of the text alone, the same
// on every server.
[[nodiscard]] std::shared_ptr<const NarinfoAnswer> render_narinfo(
    std::string text, std::chrono::system_clock::time_point first_seen, const MaxAges& ages
);

// One that a region keeps though its primary has hidden or purged it: may end at any moment, so it
// is kept elsewhere no longer than one that has just come. The same ETag; `Narthex-Kept` says why.
[[nodiscard]] std::shared_ptr<const NarinfoAnswer> render_kept_narinfo(
    std::string text, bool purged, const MaxAges& ages
);

// 200, or 304 for whoever has it; without a body to HEAD.
[[nodiscard]] Answer narinfo_answer(
    const std::shared_ptr<const NarinfoAnswer>& narinfo, const Request& request
);

// 404: the database has said so.
[[nodiscard]] Answer absent_narinfo_answer(const MaxAges& ages);

// 404 with `Narthex-Hidden: 1`: it is there, but the operator has hidden it.
[[nodiscard]] Answer hidden_narinfo_answer(const MaxAges& ages);

}  // namespace narthex::http
