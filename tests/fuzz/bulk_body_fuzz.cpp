#include "fuzz.hpp"

#include "narthex/http/bulk_body.hpp"

#include <set>
#include <string>

namespace narthex::fuzz {

namespace {

constexpr std::size_t k_most = 4;

void check(const http::HashList& hashes) {
    require(hashes.size() <= k_most);
    require(std::set(hashes.begin(), hashes.end()).size() == hashes.size());
}

template <class T>
void check_error(const http::BodyResult<T>& result) {
    require(!result.error().message.empty());
    require(result.error().message.find('\n') == std::string::npos);
}

std::string in_quotes(const http::HashList& hashes) {
    std::string out;
    for (const auto& hash : hashes) out += (out.empty() ? "\"" : ",\"") + hash.to_string() + "\"";
    return out;
}

}  // namespace

void test_one(std::string_view text) {
    const auto lines = http::parse_hash_lines(text, k_most);
    if (lines) {
        require(!lines->empty());
        check(*lines);
        const auto again = http::parse_hash_array("[" + in_quotes(*lines) + "]", k_most);
        require(again.has_value() && *again == *lines);
    } else {
        check_error(lines);
    }
    const auto array = http::parse_hash_array(text, k_most);
    if (array) {
        check(*array);
        const auto body = R"({"cache":"c","store_path_hashes":[)" + in_quotes(*array) + "]}";
        const auto again = http::parse_attic_question(body, k_most);
        require(again.has_value() && again->hashes == *array);
    } else {
        check_error(array);
    }
    const auto question = http::parse_attic_question(text, k_most);
    if (question) {
        check(question->hashes);
    } else {
        check_error(question);
    }
}

}  // namespace narthex::fuzz
