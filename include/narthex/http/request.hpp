// One parsed request head, and the parser that makes them from a connection's bytes. Beast's
// basic_parser does the syntax (RFC 9112); only the fields that narthex reads are kept.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::http {

enum class Method { get, head, other };

struct Request {
    Method method = Method::other;
    std::string target;
    std::string user_agent;
    std::string range;
    std::string if_range;
    std::string if_none_match;
    int version = 11;  // 10 or 11
    bool keep_alive = true;
    std::string host;
    int host_fields = 0;
    bool has_body = false;  // unread: the connection can't go on after the answer
};

// Why a head can't be parsed, as the answer's status.
enum class BadRequest { malformed = 400, too_large = 431 };

// Parses the heads of one connection, one after the other.
class RequestParser {
  public:
    explicit RequestParser(std::size_t header_limit_bytes) : header_limit_(header_limit_bytes) {}

    struct Progress {
        std::size_t consumed;            // bytes that are done with
        std::optional<Request> request;  // a complete head
        std::optional<BadRequest> error;
    };

    // `bytes` continue what earlier calls left unconsumed: always pass that again, with more
    // behind.
    [[nodiscard]] Progress parse(std::string_view bytes);

  private:
    class Head : public boost::beast::http::basic_parser<true> {
      public:
        Request request;

      private:
        using string_view = boost::beast::string_view;
        using error_code = boost::beast::error_code;
        using verb = boost::beast::http::verb;
        using field = boost::beast::http::field;

        void on_request_impl(
            verb method, string_view name, string_view target, int version, error_code& error
        ) override;
        void on_field_impl(field name, string_view name_text, string_view value, error_code& error)
            override;
        void on_response_impl(int, string_view, int, error_code&) override {}
        void on_header_impl(error_code&) override {}
        void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
        std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
        void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
        std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
            return body.size();
        }
        void on_finish_impl(error_code&) override {}
    };

    std::size_t header_limit_;
    std::optional<Head> head_;  // of the request under way
};

}  // namespace narthex::http
