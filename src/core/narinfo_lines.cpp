#include "narinfo_lines.hpp"

#include "narinfo_rules.hpp"

#include "narthex/core/quote.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace narthex {

namespace {

constexpr std::size_t npos = std::string_view::npos;

template <std::size_t N>
std::size_t index_of(const std::array<std::string_view, N>& names, std::string_view name) {
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
}

// Guix's parser gives a meaning of its own to '#', '+' and white space there (recutils->alist).
bool is_key_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%';
}

// Every step returns false after it has noted the error.
class LineReader {
  public:
    explicit LineReader(std::string_view text) : text_(text) {}

    bool run() { return check_bytes() && scan() && check_presence(); }

    NarinfoLines& lines() { return lines_; }
    ParseError& error() { return error_; }

  private:
    bool fail(std::size_t line, std::string reason) {
        error_ = {line, std::move(reason)};
        return false;
    }
    bool fail_at(std::size_t offset, std::string reason) {
        return fail(line_at(text_, offset), std::move(reason));
    }

    bool check_bytes();
    bool scan();
    bool add_line(std::size_t number, std::string_view line);
    bool add_field(std::string_view key, Field field);
    bool check_presence();

    std::string_view text_;
    NarinfoLines lines_;
    ParseError error_{};
};

bool LineReader::check_bytes() {
    if (text_.empty()) return fail(0, "empty; a narinfo begins with its StorePath line");
    if (text_.size() > k_max_narinfo_bytes) return fail(0, "larger than 4 MiB");
    if (const std::size_t at = text_.find('\0'); at != npos) return fail_at(at, "has a NUL byte");
    if (const std::size_t at = text_.find('\r'); at != npos) {
        return fail_at(at, "has a carriage return; lines end in a newline alone");
    }
    if (const std::size_t at = find_invalid_utf8(text_); at != npos) {
        return fail_at(at, "is not UTF-8");
    }
    if (text_.back() != '\n') {
        return fail_at(text_.size(), "the last line doesn't end in a newline; add it");
    }
    return true;
}

bool LineReader::scan() {
    std::size_t number = 0;
    for (std::size_t start = 0; start < text_.size();) {
        const std::size_t end = text_.find('\n', start);
        if (!add_line(++number, text_.substr(start, end - start))) return false;
        start = end + 1;
    }
    return true;
}

bool LineReader::add_line(std::size_t number, std::string_view line) {
    if (line.empty())
        return fail(number, "blank; a narinfo has no blank lines, also not at its end");
    const std::size_t colon = line.find(':');
    if (colon == npos || colon + 1 == line.size() || line[colon + 1] != ' ') {
        return fail(
            number,
            quote(line) +
                " is not of the form 'Key: value'; the space stays, even where "
                "the value is empty"
        );
    }
    if (!is_key_start(line[0])) return fail(number, quote(line) + " doesn't begin with a letter");
    return add_field(line.substr(0, colon), Field{number, line.substr(colon + 2)});
}

bool LineReader::add_field(std::string_view key, Field field) {
    if (const std::size_t i = index_of(k_single_names, key); i < k_singles) {
        if (lines_.singles[i].line != 0) {
            return fail(
                field.line,
                "a second " + std::string(key) + " line (the first is line " +
                    std::to_string(lines_.singles[i].line) + "); keep one"
            );
        }
        lines_.singles[i] = field;
    } else if (const std::size_t j = index_of(k_repeated_names, key); j < k_repeated) {
        lines_.repeated[j].push_back(field);
    }
    return true;
}

bool LineReader::check_presence() {
    for (const Single name : {s_store_path, s_nar_hash, s_nar_size, s_references}) {
        if (lines_.singles[name].line == 0) {
            return fail(0, "no " + std::string(k_single_names[name]) + " line; add it");
        }
    }
    return !lines_.repeated[r_url].empty() || fail(0, "no URL line; add it");
}

}  // namespace

boost::system::result<NarinfoLines, ParseError> read_lines(std::string_view text) {
    LineReader reader(text);
    if (!reader.run()) return std::move(reader.error());
    return std::move(reader.lines());
}

std::size_t line_at(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    return static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
}

}  // namespace narthex
