// A server of a test's own on 127.0.0.1, which says what its script says: as slowly, as wrongly and
// in as many pieces as it likes.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace narthex::test {

class ScriptedServer {
  public:
    // Thrown in a script when the other side has ended the connection, or the server goes.
    struct Gone {};

    class Client {
      public:
        explicit Client(int socket) : socket_(socket) {}

        [[nodiscard]] std::string read_head();  // of a request, to its empty line
        [[nodiscard]] std::string read(std::size_t bytes);
        void send(std::string_view bytes) const;
        // Throws Gone if it ends within `time`.
        void stay(std::chrono::milliseconds time) const;
        void await_end() const;

      private:
        [[nodiscard]] std::string take(std::size_t bytes);
        void receive();

        int socket_;
        std::string read_ahead_;
    };
    // Of each connection, on a thread of its own; when it returns the connection is closed.
    using Script = std::function<void(Client&)>;

    explicit ScriptedServer(Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    [[nodiscard]] const std::string& url() const { return url_; }  // without a '/' at its end

  private:
    void accept();
    void serve(int socket) const;

    Script script_;
    int listener_;
    std::string url_;
    std::vector<int> sockets_;  // these two: the acceptor's, while it runs
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace narthex::test
