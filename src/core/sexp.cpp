#include "sexp.hpp"

#include "narthex/core/encoding.hpp"

#include <charconv>
#include <optional>

namespace narthex {

namespace {

constexpr std::size_t k_deepest = 8;
constexpr std::string_view k_space = " \t\v\f\r\n";
constexpr std::string_view k_token =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./_:*+=";

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    // Absent on any error.
    std::optional<Sexp> read_all() {
        skip_space();
        if (!rest_.starts_with('(')) return std::nullopt;
        auto out = read_list(1);
        skip_space();
        if (!rest_.empty()) return std::nullopt;
        return out;
    }

  private:
    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(k_space), rest_.size()));
    }

    std::optional<Sexp> read_list(std::size_t depth) {
        rest_.remove_prefix(1);
        Sexp out{true, {}, {}};
        for (skip_space(); !rest_.starts_with(')'); skip_space()) {
            auto element = read_element(depth);
            if (!element) return std::nullopt;
            out.list.push_back(*std::move(element));
        }
        rest_.remove_prefix(1);
        return out;
    }

    std::optional<Sexp> read_element(std::size_t depth) {
        if (rest_.empty()) return std::nullopt;
        if (rest_[0] == '(') {
            if (depth == k_deepest) return std::nullopt;
            return read_list(depth + 1);
        }
        auto atom = read_atom();
        if (!atom) return std::nullopt;
        return Sexp{false, *std::move(atom), {}};
    }

    std::optional<std::string> read_atom() {
        if (rest_[0] == '#') return read_hex();
        if (rest_[0] == '"') return read_quoted();
        if (is_digit(rest_[0])) return read_counted();
        const auto end = std::min(rest_.find_first_not_of(k_token), rest_.size());
        if (end == 0) return std::nullopt;
        return take(end);
    }

    std::optional<std::string> read_hex() {
        std::string digits;
        const auto end = rest_.find('#', 1);
        if (end == std::string_view::npos) return std::nullopt;
        for (const char c : rest_.substr(1, end - 1)) {
            if (k_space.find(c) == std::string_view::npos) digits += c;
        }
        const auto bytes = from_hex(digits);
        if (!bytes) return std::nullopt;
        rest_.remove_prefix(end + 1);
        return std::string(bytes->begin(), bytes->end());
    }

    std::optional<std::string> read_quoted() {
        const auto end = rest_.find_first_of("\"\\", 1);
        if (end == std::string_view::npos || rest_[end] == '\\') return std::nullopt;
        rest_.remove_prefix(1);
        auto text = take(end - 1);
        rest_.remove_prefix(1);
        return text;
    }

    std::optional<std::string> read_counted() {
        std::size_t size = 0;
        const char* const end = rest_.data() + rest_.size();
        const auto [stop, error] = std::from_chars(rest_.data(), end, size);
        if (error != std::errc() || stop == end || *stop != ':') return std::nullopt;
        rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()) + 1);
        if (size > rest_.size()) return std::nullopt;
        return take(size);
    }

    std::string take(std::size_t size) {
        std::string out(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return out;
    }

    std::string_view rest_;
};

}  // namespace

Result<Sexp> Sexp::parse(std::string_view text) {
    auto read = Reader(text).read_all();
    if (!read) return Error{"is no s-expression of libgcrypt's"};
    return *std::move(read);
}

bool Sexp::is(std::string_view name) const {
    return !list.empty() && !list[0].is_list && list[0].atom == name;
}

const Sexp* Sexp::find(std::string_view name) const {
    const Sexp* found = nullptr;
    for (const auto& element : list) {
        if (!element.is(name)) continue;
        if (found != nullptr) return nullptr;
        found = &element;
    }
    return found;
}

const std::string* Sexp::value(std::string_view name) const {
    const auto* found = find(name);
    if (found == nullptr || found->list.size() != 2 || found->list[1].is_list) return nullptr;
    return &found->list[1].atom;
}

}  // namespace narthex
