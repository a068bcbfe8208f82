#include "narthex/service/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

namespace narthex::service {

namespace {

namespace chrono = std::chrono;

constexpr std::int64_t k_hour = 3600;
constexpr std::int64_t k_day = 24 * k_hour;
constexpr std::int64_t k_most_days = 100 * 366;

std::optional<std::int64_t> parse_digits(std::string_view text) {
    if (text.empty() || text.find_first_not_of("0123456789") != text.npos) return std::nullopt;
    std::int64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return number;
}

// Of "90d" or "12h".
std::optional<std::int64_t> parse_duration(std::string_view text) {
    if (text.empty() || (text.back() != 'd' && text.back() != 'h')) return std::nullopt;
    const auto number = parse_digits(text.substr(0, text.size() - 1));
    const auto unit = text.back() == 'd' ? k_day : k_hour;
    if (!number || *number > k_most_days * k_day / unit) return std::nullopt;
    return *number * unit;
}

// Of "2027-01-31".
std::optional<std::int64_t> parse_date(std::string_view text) {
    if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto year = parse_digits(text.substr(0, 4));
    const auto month = parse_digits(text.substr(5, 2));
    const auto day = parse_digits(text.substr(8, 2));
    if (!year || !month || !day) return std::nullopt;
    const chrono::year_month_day date{
        chrono::year(static_cast<int>(*year)),
        chrono::month(static_cast<unsigned>(*month)),
        chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return chrono::sys_days(date).time_since_epoch().count() * k_day;
}

// Of "T19:42:59Z", in seconds of a day.
std::optional<std::int64_t> parse_clock(std::string_view text) {
    if (text.size() != 10 || text[0] != 'T' || text[3] != ':' || text[6] != ':' || text[9] != 'Z') {
        return std::nullopt;
    }
    const auto hours = parse_digits(text.substr(1, 2));
    const auto minutes = parse_digits(text.substr(4, 2));
    const auto seconds = parse_digits(text.substr(7, 2));
    if (!hours || !minutes || !seconds || *hours > 23 || *minutes > 59 || *seconds > 59) {
        return std::nullopt;
    }
    return *hours * k_hour + *minutes * 60 + *seconds;
}

}  // namespace

std::string time_text(std::int64_t time) {
    const chrono::sys_seconds point{chrono::seconds(time)};
    const auto day = chrono::floor<chrono::days>(point);
    const chrono::year_month_day date(day);
    const chrono::hh_mm_ss clock(point - day);
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()),
        static_cast<unsigned>(date.day()),
        clock.hours().count(),
        clock.minutes().count(),
        clock.seconds().count()
    );
}

Result<std::optional<std::int64_t>> parse_expiry(std::string_view text, std::int64_t now) {
    using Expiry = std::optional<std::int64_t>;
    if (text == "never") return Expiry();
    auto time = parse_date(text);
    if (const auto duration = parse_duration(text)) time = now + *duration;
    if (!time) {
        return Error{fmt::format(
            "\"{}\" is no time: a number of days (90d) or hours (12h), a date (2027-01-31) or "
            "\"never\" is wanted",
            text
        )};
    }
    if (*time <= now) return Error{fmt::format("{} has passed already", time_text(*time))};
    return Expiry(*time);
}

Result<std::int64_t> parse_time(std::string_view text) {
    const auto day = parse_date(text.substr(0, 10));
    const auto clock = text.size() == 10
                           ? std::optional<std::int64_t>(0)
                           : parse_clock(text.substr(std::min<std::size_t>(text.size(), 10)));
    if (day && clock) return *day + *clock;
    return Error{fmt::format(
        "\"{}\" is no time: a date (2027-01-31) or a time (2027-01-31T12:00:00Z) is wanted", text
    )};
}

Result<std::int64_t> parse_span(std::string_view text) {
    const auto span = parse_duration(text);
    if (span && *span > 0) return *span;
    return Error{
        fmt::format("\"{}\" is no span of time: days (90d) or hours (12h) are wanted", text)};
}

}  // namespace narthex::service
