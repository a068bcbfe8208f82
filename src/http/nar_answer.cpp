#include "narthex/http/nar_answer.hpp"

#include "narthex/core/http_range.hpp"
#include "narthex/core/log_text.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/service/log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace narthex::http {

namespace {

constexpr std::string_view k_nar_type = "application/x-nix-nar";

// A strong validator: the file's size and time of change, to the nanosecond.
std::string etag_of(const struct stat& info) {
    return fmt::format(
        "\"{:x}-{:x}.{:x}\"", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec
    );
}

// RFC 9110 13.1.5: a range counts only when If-Range still names this file.
RangeAnswer range_of(
    const Request& request, std::uint64_t size, std::string_view etag, std::string_view modified
) {
    const bool same =
        request.if_range.empty() || request.if_range == etag || request.if_range == modified;
    // RFC 9110 14.2: Range is of GET alone.
    if (request.range.empty() || !same || request.method != Method::get) return WholeBody{};
    return parse_range(request.range, size);
}

Answer file_answer(int status, FileBody body, std::string_view etag, std::string_view modified) {
    Answer answer;
    answer.status = status;
    answer.head = HeadBuilder(status, k_nar_type, body.length)
                      .field("Accept-Ranges", "bytes")
                      .field("ETag", etag)
                      .field("Last-Modified", modified)
                      .share();
    answer.file = std::move(body);
    return answer;
}

Answer not_modified(std::string_view etag) {
    Answer answer;
    answer.status = 304;
    answer.head = HeadBuilder::not_modified().field("ETag", etag).share();
    return answer;
}

struct Opened {
    std::shared_ptr<const OpenFile> file;  // null: `error` says why
    struct stat info {};
    int error = 0;
};

Opened open_regular(const std::string& path) {
    Opened opened;
    // Without O_NONBLOCK a FIFO would hold this thread until somebody writes to it.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        opened.error = errno;
        return opened;
    }
    auto file = std::make_shared<const OpenFile>(fd);
    if (::fstat(fd, &opened.info) != 0) {
        opened.error = errno;
    } else if (!S_ISREG(opened.info.st_mode)) {
        opened.error = EISDIR;
    } else {
        opened.file = std::move(file);
    }
    return opened;
}

bool is_gone(int error) {
    return error == ENOENT || error == ENOTDIR || error == EISDIR;
}

// A 404 is the last word for a build, so only a file that isn't anywhere gets it: not one that,
// say, can't be opened because too many files are open.
Answer unreadable(bool gone) {
    if (gone) return text_answer(404, "404: this NAR is known but not on the disk");
    return try_later("503: this NAR can't be read now; try again in some seconds");
}

Answer opened_answer(const Opened& opened, const Request& request) {
    const auto& info = opened.info;
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const auto etag = etag_of(info);
    const auto modified = http_date(info.st_mtim.tv_sec);
    if (!request.if_none_match.empty() && names_etag(request.if_none_match, etag)) {
        return not_modified(etag);
    }
    const auto range = range_of(request, size, etag, modified);
    if (std::holds_alternative<UnsatisfiableRange>(range)) {
        auto answer = text_answer(416, "416: the NAR is shorter than that");
        add_field(answer, "Content-Range", fmt::format("bytes */{}", size));
        return answer;
    }
    const auto* part = std::get_if<ByteRange>(&range);
    if (part == nullptr) return file_answer(200, {opened.file, 0, size}, etag, modified);
    auto answer = file_answer(206, {opened.file, part->first, part->length()}, etag, modified);
    add_field(
        answer, "Content-Range", fmt::format("bytes {}-{}/{}", part->first, part->last, size)
    );
    return answer;
}

}  // namespace

Answer nar_answer(const std::vector<std::string>& files, const Request& request) {
    bool gone = true;
    for (const auto& path : files) {
        const auto opened = open_regular(path);
        if (opened.file) return opened_answer(opened, request);
        service::log_error(
            "event=nar_unreadable file={} reason={}",
            log_text(path),
            log_text(std::generic_category().message(opened.error))
        );
        gone = gone && is_gone(opened.error);
    }
    return unreadable(gone);
}

Answer redirect_answer(std::string_view url) {
    auto answer = body_answer(302, "text/plain; charset=utf-8", std::make_shared<std::string>());
    add_field(answer, "Location", url);
    return answer;
}

}  // namespace narthex::http
