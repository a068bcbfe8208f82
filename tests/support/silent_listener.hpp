// A server that has gone silent: it takes connections and never answers.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <string>
#include <vector>

namespace narthex::test {

class SilentListener {
  public:
    SilentListener() { acceptor_.non_blocking(true); }

    [[nodiscard]] std::string port() const {
        return std::to_string(acceptor_.local_endpoint().port());
    }
    // Of a database there.
    [[nodiscard]] std::string uri() const { return "postgresql://127.0.0.1:" + port() + "/silent"; }

    // Whether somebody has connected.
    bool reached() {
        boost::system::error_code none;
        auto socket = acceptor_.accept(none);
        if (!none) sockets_.push_back(std::move(socket));
        return !sockets_.empty();
    }

    // Whether whoever connected first has gone.
    bool left() {
        auto& first = sockets_.front();
        first.non_blocking(true);
        boost::system::error_code status;
        do {
            first.receive(boost::asio::buffer(said_), 0, status);
        } while (!status);
        return status != boost::asio::error::would_block;
    }

  private:
    using Tcp = boost::asio::ip::tcp;

    boost::asio::io_context context_;
    Tcp::acceptor acceptor_{context_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    std::vector<Tcp::socket> sockets_;
    std::array<char, 256> said_{};
};

}  // namespace narthex::test
