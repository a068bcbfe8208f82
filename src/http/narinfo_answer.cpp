#include "narthex/http/narinfo_answer.hpp"

#include <fmt/format.h>
#include <xxhash.h>

namespace narthex::http {

namespace {

constexpr std::string_view k_type = "text/x-nix-narinfo";

std::string max_age(std::chrono::seconds age) {
    return fmt::format("public, max-age={}", age.count());
}

// 128 bits don't collide by accident, and whoever could make them collide could publish as well.
std::string etag_of(std::string_view text) {
    const auto digest = XXH3_128bits(text.data(), text.size());
    return fmt::format("\"{:016x}{:016x}\"", digest.high64, digest.low64);
}

}  // namespace

std::shared_ptr<const NarinfoAnswer> render_narinfo(
    std::string text, std::chrono::system_clock::time_point first_seen, const MaxAges& ages
) {
    auto narinfo = std::make_shared<NarinfoAnswer>();
    const auto new_left = first_seen + ages.new_for - std::chrono::system_clock::now();
    const bool is_new = new_left.count() > 0;
    narinfo->renders_until = is_new ? std::chrono::steady_clock::now() + new_left
                                    : std::chrono::steady_clock::time_point::max();
    narinfo->cache_control = max_age(is_new ? ages.new_path : ages.hit);
    narinfo->etag = etag_of(text);
    narinfo->head = HeadBuilder(200, k_type, text.size())
                        .field("ETag", narinfo->etag)
                        .field("Cache-Control", narinfo->cache_control)
                        .take();
    narinfo->body = std::move(text);
    return narinfo;
}

std::shared_ptr<const NarinfoAnswer> render_kept_narinfo(
    std::string text, bool purged, const MaxAges& ages
) {
    auto narinfo = std::make_shared<NarinfoAnswer>();
    narinfo->renders_until = std::chrono::steady_clock::time_point::min();
    narinfo->cache_control = max_age(ages.new_path);
    narinfo->etag = etag_of(text);
    narinfo->head = HeadBuilder(200, k_type, text.size())
                        .field("ETag", narinfo->etag)
                        .field("Cache-Control", narinfo->cache_control)
                        .field("Narthex-Kept", purged ? "purged" : "hidden")
                        .take();
    narinfo->body = std::move(text);
    return narinfo;
}

Answer narinfo_answer(const std::shared_ptr<const NarinfoAnswer>& narinfo, const Request& request) {
    Answer answer;
    if (!request.if_none_match.empty() && names_etag(request.if_none_match, narinfo->etag)) {
        answer.status = 304;
        answer.head = HeadBuilder::not_modified()
                          .field("ETag", narinfo->etag)
                          .field("Cache-Control", narinfo->cache_control)
                          .share();
        return answer;
    }
    // Both parts live as long as the narinfo.
    answer.head = std::shared_ptr<const std::string>(narinfo, &narinfo->head);
    if (request.method != Method::head) {
        answer.body = std::shared_ptr<const std::string>(narinfo, &narinfo->body);
    }
    return answer;
}

Answer absent_narinfo_answer(const MaxAges& ages) {
    auto answer = text_answer(404, "404: not here");
    add_field(answer, "Cache-Control", max_age(ages.miss));
    return answer;
}

// May be kept no longer than an absence: either may end at any moment.
Answer hidden_narinfo_answer(const MaxAges& ages) {
    auto answer =
        text_answer(404, "404: hidden by the operator; uploading it again brings it back");
    add_field(answer, "Cache-Control", max_age(ages.miss));
    add_field(answer, "Narthex-Hidden", "1");
    return answer;
}

}  // namespace narthex::http
