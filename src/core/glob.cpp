#include "narthex/core/glob.hpp"

#include "narthex/core/quote.hpp"

#include <algorithm>

namespace narthex {

namespace {

using Text = Result<std::string>;

constexpr std::size_t k_longest = 200;

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool may_stand(char c) {
    return is_alphanumeric(c) || std::string_view("+-._?=*[]!^").find(c) != std::string_view::npos;
}

// Outside of sets, and in them.
std::string escaped(char c) {
    return is_alphanumeric(c) ? std::string(1, c) : std::string{'\\', c};
}

Error fault(std::string_view pattern, std::string_view what) {
    return Error{quote(pattern) + " is not a pattern of names: " + std::string(what)};
}

// Reads a set from behind its '[' on.
class SetReader {
  public:
    SetReader(std::string_view pattern, std::size_t at) : pattern_(pattern), at_(at) {}

    Text read() {
        std::string set = "[";
        if (at_ < pattern_.size() && (pattern_[at_] == '!' || pattern_[at_] == '^')) {
            set += '^';
            ++at_;
        }
        // The first character is one of the set, also when it is ']'.
        for (bool first = true; first || next() != ']'; first = false) {
            if (at_ >= pattern_.size()) return fault(pattern_, "a '[' has no ']'");
            if (next() == '[') return fault(pattern_, "no '[' may be in a set");
            auto item = read_item();
            if (!item) return item;
            set += *item;
        }
        ++at_;
        return {boost::system::in_place_value, set + ']'};
    }

    [[nodiscard]] std::size_t end() const { return at_; }

  private:
    // '\0' at the end, which no pattern has.
    [[nodiscard]] char next() const { return at_ < pattern_.size() ? pattern_[at_] : '\0'; }

    // A character or a range.
    Text read_item() {
        const char from = pattern_[at_++];
        const bool range = next() == '-' && at_ + 1 < pattern_.size() && pattern_[at_ + 1] != ']';
        if (!range) return {boost::system::in_place_value, escaped(from)};
        const char to = pattern_[at_ + 1];
        at_ += 2;
        if (to == '[' || from > to)
            return fault(pattern_, "a range of a set is the wrong way round");
        return {boost::system::in_place_value, escaped(from) + '-' + escaped(to)};
    }

    std::string_view pattern_;
    std::size_t at_;
};

}  // namespace

Result<std::string> glob_regex(std::string_view pattern) {
    if (pattern.empty() || pattern.size() > k_longest) {
        return fault(pattern, "it has 1 to 200 characters");
    }
    if (!std::ranges::all_of(pattern, may_stand)) {
        return fault(pattern, "no name has a character outside [0-9a-zA-Z+-._?=]");
    }
    std::string regex = "^";
    for (std::size_t at = 0; at < pattern.size();) {
        const char c = pattern[at++];
        if (c == '*') {
            if (!regex.ends_with(".*")) regex += ".*";
        } else if (c == '?') {
            regex += '.';
        } else if (c == '[') {
            SetReader reader(pattern, at);
            auto set = reader.read();
            if (!set) return set;
            regex += *set;
            at = reader.end();
        } else {
            regex += escaped(c);
        }
    }
    return {boost::system::in_place_value, regex + '$'};
}

}  // namespace narthex
