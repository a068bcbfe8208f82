#include "fuzz.hpp"

#include "narthex/core/record_splitter.hpp"

#include <string>
#include <vector>

namespace narthex::fuzz {

namespace {

std::vector<Record> split(std::string_view text, std::size_t step) {
    std::vector<Record> records;
    RecordSplitter splitter([&](Record record) { records.push_back(std::move(record)); });
    while (!text.empty()) {
        splitter.feed(text.substr(0, step));
        text.remove_prefix(std::min(step, text.size()));
    }
    splitter.finish();
    return records;
}

// The stream's text from line `first` on.
std::string_view from_line(std::string_view text, std::size_t first) {
    for (; first > 1; --first) text.remove_prefix(text.find('\n') + 1);
    return text;
}

}  // namespace

// The first byte chooses the size of the chunks.
void test_one(std::string_view input) {
    if (input.empty()) return;
    const std::size_t step = static_cast<unsigned char>(input[0]) % 17 + std::size_t{1};
    const std::string_view text = input.substr(1);
    const auto whole = split(text, text.size() + 1);
    const auto parts = split(text, step);
    require(whole.size() == parts.size());
    for (std::size_t i = 0; i < whole.size(); ++i) {
        require(whole[i].text == parts[i].text);
        require(whole[i].first_line == parts[i].first_line);
        require(!whole[i].text.empty() && whole[i].text[0] != '\n');
        require(whole[i].text.find("\n\n") == std::string::npos);
        require(from_line(text, whole[i].first_line).starts_with(whole[i].text));
    }
}

}  // namespace narthex::fuzz
