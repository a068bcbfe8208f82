#include "narthex/http/upload_texts.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/service/log.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <string>

namespace narthex::http {

namespace {

Answer disk_full() {
    return text_answer(
        507, "507: the server's disk is full: tell its operator; nothing was stored"
    );
}

int status_of(service::Verdict verdict) {
    switch (verdict) {
        case service::Verdict::added:
            return 201;
        case service::Verdict::present:
            return 200;
        case service::Verdict::wrong:
            return 400;
        case service::Verdict::not_trusted:
            return 403;
        case service::Verdict::incomplete:
        case service::Verdict::conflict:
            return 409;
    }
    return 500;
}

}  // namespace

Answer uploads_disabled() {
    return text_answer(403, "403: this server takes no uploads: start it with --upload-dir");
}

Answer too_many_uploads() {
    return try_later("503: too many uploads at once; try again in some seconds");
}

Answer not_yet_primary() {
    return try_later(
        "503: this server has just started, and asks its regions whether it is the primary still; "
        "try "
        "again in some seconds"
    );
}

Answer long_url(std::size_t most) {
    return text_answer(400, fmt::format("400: this name is longer than {} bytes", most));
}

Answer no_length() {
    return text_answer(411, "411: an upload needs a Content-Length; chunks aren't taken here");
}

Answer too_large_upload(std::uint64_t most) {
    return text_answer(413, fmt::format("413: this is larger than the {} bytes allowed", most));
}

Answer unknown_coding() {
    return text_answer(
        415, "415: Content-Encoding may be gzip, zstd, br, xz or bzip2, and none for NARs"
    );
}

Answer decode_fault(DecodeFault fault, std::uint64_t most) {
    if (fault == DecodeFault::too_large) return too_large_upload(most);
    return text_answer(400, "400: the body isn't what its Content-Encoding says, or was cut off");
}

Answer disk_fault(const std::system_error& error) {
    service::log_error("event=upload_failed reason={}", log_text(error.what()));
    const int code = error.code().value();
    if (code == ENOSPC || code == EDQUOT || code == EFBIG) return disk_full();
    return try_later("503: the server can't write to its disk; try again in some seconds");
}

Answer publish_fault(service::PublishFault fault, const std::string& reason) {
    switch (fault) {
        case service::PublishFault::away:
            return try_later(
                "503: the database is away; nothing was stored, try again in some seconds"
            );
        case service::PublishFault::in_doubt:
            return try_later("503: the database went away; it may have been stored, try again");
        case service::PublishFault::full:
            return disk_full();
        case service::PublishFault::elsewhere:
            return text_answer(409, "409: " + reason);
        case service::PublishFault::failed:
            break;
    }
    return try_later("503: the database refused it; the server's log says why");
}

Answer published_answer(const service::Published& published) {
    const int status = status_of(published.verdict);
    if (status == 201) return text_answer(201, "stored");
    if (status == 200) return text_answer(200, "already there");
    return text_answer(status, fmt::format("{}: {}", status, published.reason));
}

}  // namespace narthex::http
