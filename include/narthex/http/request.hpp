// One parsed request head, and the function that makes them from a connection's bytes. Beast's
// basic_parser does the syntax (RFC 9112); only the fields that narthex reads are looked at, and
// nothing is copied: a head that is answered at once costs no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace narthex::http {

enum class Method { get, head, post, put, query, del, other };

// Views into the bytes that were parsed.
struct Request {
    Method method = Method::other;
    std::string_view target;
    std::string_view user_agent;
    std::string_view range;
    std::string_view if_range;
    std::string_view if_none_match;
    std::string_view host;
    std::string_view authorization;
    std::string_view content_type;
    std::string_view content_encoding;
    std::string_view accept;
    std::string_view relayed_by;  // Narthex-Instance: the region that relays it
    int version = 11;             // 10 or 11
    bool keep_alive = true;
    int host_fields = 0;
    bool has_body = false;     // after the head
    bool expects_100 = false;  // Expect: 100-continue: the client waits before it sends the body
    std::optional<std::uint64_t> content_length;  // of the body; absent: chunked, or none
};

// A request that outlives the bytes it came in.
class KeptRequest {
  public:
    explicit KeptRequest(const Request& request);
    [[nodiscard]] const Request& operator*() const { return request_; }
    [[nodiscard]] const Request* operator->() const { return &request_; }
    [[nodiscard]] std::size_t bytes() const { return sizeof *this + size_; }

  private:
    std::size_t size_;
    std::unique_ptr<char[]> bytes_;  // what the views of request_ point into
    Request request_;
};

// Why a head can't be parsed, as the answer's status.
enum class BadRequest { malformed = 400, too_large = 431 };

struct ParsedRequest {
    std::size_t consumed;            // bytes that are done with
    std::optional<Request> request;  // a complete head, in the bytes that were parsed
    std::optional<BadRequest> error;
};

// The first head in `bytes`. Neither request nor error: there is no whole one yet; pass what wasn't
// consumed again, with more behind. A head is at most `limit` bytes.
[[nodiscard]] ParsedRequest parse_request(std::string_view bytes, std::size_t limit);

}  // namespace narthex::http
