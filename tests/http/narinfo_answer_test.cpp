#include "narthex/http/narinfo_answer.hpp"

#include <gtest/gtest.h>

namespace narthex::http {
namespace {

const auto k_old = std::chrono::system_clock::time_point{};
const std::string k_text = "StorePath: /nix/store/x\n";

Request get(std::string_view if_none_match = {}, Method method = Method::get) {
    Request request;
    request.method = method;
    request.if_none_match = if_none_match;
    return request;
}

bool has(const Answer& answer, const std::string& line) {
    return answer.head->find(line + "\r\n") != std::string::npos;
}

TEST(NarinfoAnswer, is_the_text_under_its_etag) {
    const auto narinfo = render_narinfo(k_text, k_old, {});
    const auto answer = narinfo_answer(narinfo, get());
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(*answer.body, k_text);
    EXPECT_TRUE(has(answer, "Content-Length: 24"));
    EXPECT_TRUE(has(answer, "Content-Type: text/x-nix-narinfo"));
    EXPECT_TRUE(has(answer, "ETag: " + narinfo->etag));
    EXPECT_TRUE(has(answer, "Cache-Control: public, max-age=86400"));
}

TEST(NarinfoAnswer, of_what_is_kept_is_for_a_short_time_and_says_so) {
    const auto hidden = render_kept_narinfo(k_text, false, {});
    EXPECT_TRUE(has(narinfo_answer(hidden, get()), "Narthex-Kept: hidden"));
    EXPECT_TRUE(has(narinfo_answer(hidden, get()), "Cache-Control: public, max-age=300"));
    EXPECT_EQ(hidden->etag, render_narinfo(k_text, k_old, {})->etag);
    const auto purged = render_kept_narinfo(k_text, true, {});
    EXPECT_TRUE(has(narinfo_answer(purged, get()), "Narthex-Kept: purged"));
    EXPECT_EQ(narinfo_answer(purged, get(hidden->etag)).status, 304);
}

TEST(NarinfoAnswer, to_head_is_the_same_head) {
    const auto narinfo = render_narinfo(k_text, k_old, {});
    const auto answer = narinfo_answer(narinfo, get({}, Method::head));
    EXPECT_EQ(*answer.head, *narinfo_answer(narinfo, get()).head);
    EXPECT_FALSE(answer.body);
}

TEST(NarinfoAnswer, is_304_for_whoever_has_it) {
    const auto narinfo = render_narinfo(k_text, k_old, {});
    for (const auto& list : {narinfo->etag, "\"a\", W/" + narinfo->etag, std::string("*")}) {
        const auto answer = narinfo_answer(narinfo, get(list));
        EXPECT_EQ(answer.status, 304) << list;
        EXPECT_FALSE(answer.body);
        EXPECT_TRUE(has(answer, "ETag: " + narinfo->etag));
        EXPECT_TRUE(has(answer, "Cache-Control: public, max-age=86400"));
    }
    EXPECT_EQ(narinfo_answer(narinfo, get("\"a\"")).status, 200);
}

TEST(NarinfoAnswer, has_the_etag_of_its_text_alone) {
    const auto etag = render_narinfo(k_text, k_old, {})->etag;
    EXPECT_EQ(render_narinfo(k_text, std::chrono::system_clock::now(), {})->etag, etag);
    EXPECT_NE(render_narinfo(k_text + "Sig: a:b\n", k_old, {})->etag, etag);
    // Servers of other versions must make the same.
    EXPECT_EQ(etag, "\"887de787577e70d9030d4a73fb22c4d1\"");
}

TEST(NarinfoAnswer, may_be_kept_for_less_time_while_it_is_new) {
    MaxAges ages;
    ages.hit = std::chrono::seconds(5000);
    ages.new_path = std::chrono::seconds(7);
    ages.new_for = std::chrono::seconds(100);
    const auto now = std::chrono::system_clock::now();
    const auto age_of = [&](std::chrono::seconds age) {
        return render_narinfo(k_text, now - age, ages)->cache_control;
    };
    EXPECT_EQ(age_of(std::chrono::seconds(0)), "public, max-age=7");
    EXPECT_EQ(age_of(std::chrono::seconds(50)), "public, max-age=7");
    EXPECT_EQ(age_of(std::chrono::seconds(101)), "public, max-age=5000");
    const auto new_one = render_narinfo(k_text, now, ages);
    EXPECT_LE(new_one->renders_until, std::chrono::steady_clock::now() + ages.new_for);
}

TEST(AbsentNarinfoAnswer, may_be_kept_for_a_minute) {
    const auto answer = absent_narinfo_answer({});
    EXPECT_EQ(answer.status, 404);
    EXPECT_TRUE(has(answer, "Cache-Control: public, max-age=60"));
    EXPECT_FALSE(has(answer, "Narthex-Hidden: 1"));
}

TEST(HiddenNarinfoAnswer, says_so_and_may_be_kept_as_long) {
    const auto answer = hidden_narinfo_answer({});
    EXPECT_EQ(answer.status, 404);
    EXPECT_TRUE(has(answer, "Cache-Control: public, max-age=60"));
    EXPECT_TRUE(has(answer, "Narthex-Hidden: 1"));
    EXPECT_TRUE(answer.body->starts_with("404: hidden by the operator"));
}

}  // namespace
}  // namespace narthex::http
