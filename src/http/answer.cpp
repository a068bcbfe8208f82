#include "narthex/http/answer.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <ctime>
#include <stdexcept>

namespace narthex::http {

OpenFile::~OpenFile() {
    ::close(fd_);
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 302:
            return "Found";
        case 304:
            return "Not Modified";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 507:
            return "Insufficient Storage";
        case 508:
            return "Loop Detected";
        default:
            throw std::logic_error("no reason phrase for status " + std::to_string(status));
    }
}

HeadBuilder::HeadBuilder(int status, std::string_view content_type, std::uint64_t content_length) {
    head_ = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n",
        status,
        reason_phrase(status),
        content_type,
        content_length
    );
}

HeadBuilder HeadBuilder::no_content() {
    return HeadBuilder(std::string("HTTP/1.1 204 No Content\r\n"));
}

HeadBuilder HeadBuilder::not_modified() {
    return HeadBuilder(fmt::format("HTTP/1.1 304 {}\r\n", reason_phrase(304)));
}

HeadBuilder& HeadBuilder::field(std::string_view name, std::string_view value) {
    head_.append(name).append(": ").append(value).append("\r\n");
    return *this;
}

Answer body_answer(
    int status, std::string_view content_type, std::shared_ptr<const std::string> body
) {
    Answer answer;
    answer.status = status;
    answer.head = HeadBuilder(status, content_type, body->size()).share();
    answer.body = std::move(body);
    return answer;
}

Answer text_answer(int status, std::string_view line) {
    return body_answer(
        status,
        "text/plain; charset=utf-8",
        std::make_shared<const std::string>(std::string(line) + "\n")
    );
}

Answer no_content() {
    Answer answer;
    answer.status = 204;
    answer.head = HeadBuilder::no_content().share();
    return answer;
}

void add_field(Answer& answer, std::string_view name, std::string_view value) {
    auto head = *answer.head;
    head.append(name).append(": ").append(value).append("\r\n");
    answer.head = std::make_shared<const std::string>(std::move(head));
}

void drop_body(Answer& answer) {
    answer.body.reset();
    answer.file = {};
    answer.source.reset();
}

bool names_etag(std::string_view list, std::string_view etag) {
    return list == "*" || list.find(etag) != std::string_view::npos;
}

std::string http_date(std::int64_t unix_seconds) {
    static constexpr std::array k_days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array k_months = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto time = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return fmt::format(
        "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
        k_days[static_cast<std::size_t>(parts.tm_wday)],
        parts.tm_mday,
        k_months[static_cast<std::size_t>(parts.tm_mon)],
        parts.tm_year + 1900,
        parts.tm_hour,
        parts.tm_min,
        parts.tm_sec
    );
}

}  // namespace narthex::http
