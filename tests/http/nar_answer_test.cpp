#include "narthex/http/nar_answer.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace narthex::http {
namespace {

class NarAnswer : public ::testing::Test {
  protected:
    NarAnswer() {
        std::string pattern = std::filesystem::temp_directory_path() / "narthex-nar-XXXXXX";
        directory_ = ::mkdtemp(pattern.data());
        file_ = directory_ / "x.nar";
        std::ofstream(file_) << "0123456789";
    }
    ~NarAnswer() override { std::filesystem::remove_all(directory_); }

    [[nodiscard]] Answer get(const Request& request = {}) const {
        return nar_answer({file_.string()}, request);
    }
    [[nodiscard]] std::string field(const std::string& name) const {
        const auto head = *get().head;
        const auto from = head.find(name + ": ") + name.size() + 2;
        return head.substr(from, head.find("\r\n", from) - from);
    }
    // What the views point into is a literal or lives in the test.
    static Request ranged(std::string_view range, std::string_view if_range = {}) {
        Request request;
        request.method = Method::get;
        request.range = range;
        request.if_range = if_range;
        return request;
    }

    std::filesystem::path directory_;
    std::filesystem::path file_;
};

bool has(const Answer& answer, const std::string& line) {
    return answer.head->find(line + "\r\n") != std::string::npos;
}

TEST_F(NarAnswer, is_the_whole_file) {
    const auto answer = get();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.file.length, 10U);
    EXPECT_TRUE(has(answer, "Content-Length: 10"));
    EXPECT_TRUE(has(answer, "Accept-Ranges: bytes"));
    EXPECT_EQ(answer.head->find("Content-Encoding"), std::string::npos);
}

TEST_F(NarAnswer, is_one_range) {
    const auto answer = get(ranged("bytes=4-"));
    EXPECT_EQ(answer.status, 206);
    EXPECT_EQ(answer.file.offset, 4U);
    EXPECT_EQ(answer.file.length, 6U);
    EXPECT_TRUE(has(answer, "Content-Range: bytes 4-9/10"));
    EXPECT_TRUE(has(answer, "Content-Length: 6"));
}

TEST_F(NarAnswer, says_how_long_the_file_is_when_a_range_is_beyond) {
    const auto answer = get(ranged("bytes=10-"));
    EXPECT_EQ(answer.status, 416);
    EXPECT_TRUE(has(answer, "Content-Range: bytes */10"));
}

TEST_F(NarAnswer, heeds_if_range) {
    const auto etag = field("ETag");
    const auto modified = field("Last-Modified");
    EXPECT_EQ(get(ranged("bytes=4-", etag)).status, 206);
    EXPECT_EQ(get(ranged("bytes=4-", modified)).status, 206);
    EXPECT_EQ(get(ranged("bytes=4-", "\"another\"")).status, 200);
    EXPECT_EQ(get(ranged("bytes=4-", "Sun, 06 Nov 1994 08:49:37 GMT")).status, 200);
}

TEST_F(NarAnswer, is_304_for_whoever_has_it) {
    Request request;
    const auto list = "\"a\", " + field("ETag");
    request.if_none_match = list;
    EXPECT_EQ(get(request).status, 304);
    EXPECT_EQ(get(request).file.length, 0U);
    request.if_none_match = "\"a\"";
    EXPECT_EQ(get(request).status, 200);
}

TEST_F(NarAnswer, changes_its_etag_with_the_file) {
    const auto before = field("ETag");
    std::ofstream(file_) << "0123456789ab";
    EXPECT_NE(field("ETag"), before);
}

TEST_F(NarAnswer, to_head_ignores_ranges) {
    auto request = ranged("bytes=4-");
    request.method = Method::head;
    EXPECT_EQ(get(request).status, 200);
}

TEST_F(NarAnswer, comes_from_another_place_where_one_has_lost_it) {
    const auto answer = nar_answer({(directory_ / "y").string(), file_.string()}, {});
    EXPECT_EQ(answer.status, 200);
}

TEST_F(NarAnswer, is_404_for_what_is_gone_or_no_file) {
    EXPECT_EQ(nar_answer({(directory_ / "y").string()}, {}).status, 404);
    EXPECT_EQ(nar_answer({directory_.string()}, {}).status, 404);
    const auto fifo = (directory_ / "fifo").string();
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_EQ(nar_answer({fifo}, {}).status, 404);
}

TEST_F(NarAnswer, is_503_where_it_may_come_back) {
    const auto loop = directory_ / "loop";
    std::filesystem::create_symlink(loop, loop);
    EXPECT_EQ(nar_answer({(directory_ / "y").string(), loop.string()}, {}).status, 503);
}

TEST(NarRedirect, says_where_and_that_nothing_follows) {
    const auto answer = redirect_answer("https://cache.example.org/nar/a%2Bb.nar?x");
    EXPECT_EQ(answer.status, 302);
    EXPECT_EQ(
        *answer.head,
        "HTTP/1.1 302 Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 0\r\n"
        "Location: https://cache.example.org/nar/a%2Bb.nar?x\r\n"
    );
    EXPECT_EQ(*answer.body, "");
}

}  // namespace
}  // namespace narthex::http
