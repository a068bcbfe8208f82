#include "narthex/http/bulk_body.hpp"

#include <gtest/gtest.h>

#include <string>

namespace narthex::http {
namespace {

const std::string k_one = "0a3yijp35sygmy51cnrrz11vimwapz7c";
const std::string k_two = "1a3yijp35sygmy51cnrrz11vimwapz7c";
constexpr std::size_t k_most = 2;

std::string texts(const HashList& hashes) {
    std::string out;
    for (const auto& hash : hashes) out += hash.to_string() + " ";
    return out;
}

const std::string k_both = k_one + " " + k_two + " ";

TEST(HashLines, are_read_in_every_form_each_once) {
    for (const auto& body :
         {k_one + "\n" + k_two + "\n",
          k_one + "\n" + k_two,
          "\n\n" + k_one + "\r\n\r\n" + k_two + "\r\n",
          k_one + "-a-name-1.0\n" + k_two + ".narinfo",
          k_one + "\n" + k_one + "-x\n" + k_two + "\n" + k_two + ".narinfo\n"}) {
        const auto hashes = parse_hash_lines(body, k_most);
        ASSERT_TRUE(hashes) << body << hashes.error().message;
        EXPECT_EQ(texts(*hashes), k_both) << body;
    }
}

TEST(HashLines, are_refused_by_their_number) {
    const auto hashes = parse_hash_lines(k_one + "\n\n" + k_two + "x\n", k_most);
    ASSERT_FALSE(hashes);
    EXPECT_EQ(hashes.error().message.find("line 3: "), 0U) << hashes.error().message;
    EXPECT_FALSE(hashes.error().too_many);
}

TEST(HashLines, are_refused_where_there_are_none) {
    for (const std::string body : {"", "\n", "\r\n\r\n"}) {
        EXPECT_FALSE(parse_hash_lines(body, k_most)) << body;
    }
}

TEST(HashLines, count_distinct_paths_only) {
    EXPECT_TRUE(parse_hash_lines(k_one + "\n" + k_one + "\n" + k_one, 1));
    const auto hashes = parse_hash_lines(k_one + "\n" + k_two, 1);
    ASSERT_FALSE(hashes);
    EXPECT_TRUE(hashes.error().too_many);
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

TEST(HashArray, is_read_each_once) {
    const auto body = "[" + quoted(k_one) + ", " + quoted(k_two) + ",\n" + quoted(k_one) + "]";
    const auto hashes = parse_hash_array(body, k_most);
    ASSERT_TRUE(hashes) << hashes.error().message;
    EXPECT_EQ(texts(*hashes), k_both);
    const auto none = parse_hash_array("[]", k_most);
    ASSERT_TRUE(none);
    EXPECT_TRUE(none->empty());
}

TEST(HashArray, is_nothing_else) {
    for (const auto& body :
         {std::string(),
          std::string(" "),
          std::string("{}"),
          std::string("null"),
          std::string("1.5"),
          std::string("[1]"),
          std::string("[{}]"),
          std::string("[[]]"),
          std::string("[true]"),
          std::string("[null]"),
          std::string("[\"\"]"),
          std::string("[\xff]"),
          std::string(100'000, '['),
          quoted(k_one),
          "[" + quoted(k_one),
          "[" + quoted(k_one) + ",]",
          "[" + quoted(k_one) + "] []",
          "[" + quoted(k_one + "-x") + "]",
          "{\"a\":[" + quoted(k_one) + "]}"}) {
        const auto hashes = parse_hash_array(body, k_most);
        ASSERT_FALSE(hashes) << body;
        EXPECT_FALSE(hashes.error().message.empty()) << body;
    }
}

TEST(AtticQuestion, is_read_with_keys_of_later_versions) {
    for (const auto& body :
         {"{\"cache\":\"c\",\"store_path_hashes\":[" + quoted(k_one) + "," + quoted(k_two) + "]}",
          "{\"store_path_hashes\":[" + quoted(k_one) + "," + quoted(k_two) +
              "],\"x\":1,\"y\":\"z\",\"cache\":\"c\"}"}) {
        const auto question = parse_attic_question(body, k_most);
        ASSERT_TRUE(question) << body << question.error().message;
        EXPECT_EQ(question->cache, "c");
        EXPECT_EQ(texts(question->hashes), k_both);
    }
}

TEST(AtticQuestion, is_nothing_else) {
    const std::string hashes = "\"store_path_hashes\":[" + quoted(k_one) + "]";
    for (const auto& body :
         {std::string("[]"),
          std::string("{}"),
          "{" + hashes + "}",
          std::string("{\"cache\":\"c\"}"),
          "{\"cache\":[\"c\"]," + hashes + "}",
          "{\"cache\":\"c\",\"cache\":\"d\"," + hashes + "}",
          "{\"cache\":\"c\"," + hashes + "," + hashes + "}",
          "{\"cache\":\"c\",\"x\":{}," + hashes + "}",
          std::string("{\"cache\":\"c\",\"store_path_hashes\":\"x\"}"),
          std::string("{\"cache\":\"c\",\"store_path_hashes\":[[]]}"),
          "[{\"cache\":\"c\"," + hashes + "}]"}) {
        EXPECT_FALSE(parse_attic_question(body, k_most)) << body;
    }
}

}  // namespace
}  // namespace narthex::http
