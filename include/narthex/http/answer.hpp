// What goes back for one request. The head is complete but for the lines that depend on the
// connection (Date, Connection, the empty line), which the session adds when it writes.
// Guix's client reconnects for ever on a malformed status line or header, and waits for ever
// without Content-Length, so heads are made here and nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::http {

// An open file, closed with its last owner.
class OpenFile {
  public:
    explicit OpenFile(int fd) : fd_(fd) {}
    ~OpenFile();
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    [[nodiscard]] int fd() const { return fd_; }

  private:
    int fd_;
};

// `length` bytes of a file from `offset`.
struct FileBody {
    std::shared_ptr<const OpenFile> file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

// A body in pieces, for what is too large to hold as a whole.
class BodySource {
  public:
    // A piece; an empty one ends the body; none: it can't be gone on with, so that the connection
    // has to end before its Content-Length.
    using Take = std::function<void(std::optional<std::string>)>;

    virtual ~BodySource() = default;
    // Gives the next piece, on any thread, perhaps before it returns. Called again only then.
    virtual void next(Take take) = 0;
};

struct Answer {
    int status = 200;
    std::shared_ptr<const std::string> head;  // status line and headers, each with its CRLF
    std::shared_ptr<const std::string> body;  // null for none
    FileBody file;                            // instead of body
    std::shared_ptr<BodySource> source;       // instead of body
    bool close = false;                       // the connection ends after this one

    [[nodiscard]] std::size_t bytes() const {
        return (head ? head->size() : 0) + (body ? body->size() : 0);
    }
};

// One head under construction: status line, Content-Type, Content-Length, then what is added.
class HeadBuilder {
  public:
    HeadBuilder(int status, std::string_view content_type, std::uint64_t content_length);
    // Of a 304: without a length, since some parsers would wait for that many bytes.
    [[nodiscard]] static HeadBuilder not_modified();
    // Of a 204: it has no body, and so no length.
    [[nodiscard]] static HeadBuilder no_content();
    HeadBuilder& field(std::string_view name, std::string_view value);
    [[nodiscard]] std::string take() { return std::move(head_); }
    [[nodiscard]] std::shared_ptr<const std::string> share() {
        return std::make_shared<const std::string>(std::move(head_));
    }

  private:
    explicit HeadBuilder(std::string status_line) : head_(std::move(status_line)) {}

    std::string head_;
};

// A short text for people: one line, as Nix shows it to its user.
[[nodiscard]] Answer text_answer(int status, std::string_view line);

// The same with a body of another type.
[[nodiscard]] Answer body_answer(
    int status, std::string_view content_type, std::shared_ptr<const std::string> body
);

// 204: done, and nothing to say. Without a Content-Length (RFC 9110 8.6).
[[nodiscard]] Answer no_content();

// Adds a field to an answer made by one of these.
void add_field(Answer& answer, std::string_view name, std::string_view value);

// An answer to HEAD: the same head, no body.
void drop_body(Answer& answer);

// True when an If-None-Match names `etag`, as a weak validator ("W/...") too (RFC 9110 13.1.2).
[[nodiscard]] bool names_etag(std::string_view list, std::string_view etag);

// "Not Found" for 404; the statuses that narthex sends, no others.
[[nodiscard]] std::string_view reason_phrase(int status);

// RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

}  // namespace narthex::http
