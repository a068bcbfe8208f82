// Sending a file's bytes: sendfile() on a thread of the file pool, since a cold disk would block a
// network thread; waiting for the client on the network thread.
#include "narthex/http/session.hpp"

#include <boost/asio/post.hpp>
#include <sys/sendfile.h>

#include <cerrno>

namespace narthex::http {

namespace asio = boost::asio;

namespace {

// After this much the network thread looks at the session again (time limits, shutting down).
constexpr std::uint64_t k_turn_bytes = 4 * 1024 * 1024;

struct Sent {
    std::uint64_t bytes;
    int error;  // EAGAIN: the client has to read first; EIO: the file is shorter than it was
};

Sent send_some(int socket, const FileBody& body) {
    auto offset = static_cast<off_t>(body.offset);
    auto left = std::min(body.length, k_turn_bytes);
    std::uint64_t sent = 0;
    while (left > 0) {
        const auto bytes = ::sendfile(socket, body.file->fd(), &offset, left);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return {sent, errno};
        if (bytes == 0) return {sent, EIO};
        sent += static_cast<std::uint64_t>(bytes);
        left -= static_cast<std::uint64_t>(bytes);
    }
    return {sent, 0};
}

}  // namespace

void Session::send_file() {
    // The session keeps the socket open: close() only shuts it down.
    asio::post(context_.files, [self = shared_from_this(), body = file_] {
        const auto sent = send_some(self->socket_.native_handle(), body);
        asio::post(self->socket_.get_executor(), [self, sent] {
            self->on_file_sent(sent.bytes, sent.error);
        });
    });
}

void Session::on_file_sent(std::uint64_t bytes, int error) {
    if (closed_) return;
    if (bytes > 0) last_written_ = Clock::now();
    file_.offset += bytes;
    file_.length -= bytes;
    if (file_.length == 0) return output_done();
    if (error != 0 && error != EAGAIN) return close();
    if (error == 0) return send_file();
    socket_.async_wait(
        asio::ip::tcp::socket::wait_write,
        [self = shared_from_this()](boost::system::error_code failed) {
            if (self->closed_) return;
            if (failed) return self->close();
            self->send_file();
        }
    );
}

}  // namespace narthex::http
