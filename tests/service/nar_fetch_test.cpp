#include "narthex/service/nar_fetch.hpp"

#include "support/cluster_fixture.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <limits>
#include <stdexcept>

namespace narthex::service {
namespace {

namespace fs = std::filesystem;
using test::eventually;
using test::ScriptedServer;
using Client = ScriptedServer::Client;
using State = NarFetch::State;

const std::string k_data = "the bytes of a NAR";

std::string answer_of(const std::string& data) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(data.size()) +
           "\r\nConnection: close\r\n\r\n" + data;
}

// One exchange at a time.
class NarFetchTest : public testing::Test {
  protected:
    ~NarFetchTest() override {
        exchanges_.stop();
        pool_.join();
    }

    void serve(std::string answer) {
        server_.emplace([answer = std::move(answer)](Client& client) {
            (void)client.read_head();
            client.send(answer);
        });
    }

    std::shared_ptr<NarFetch> fetch(const std::string& name, db::NarFacts facts = {}) {
        return fetches_.fetch({server_->url() + "/nar/" + name, {}, path_of(name), facts});
    }

    [[nodiscard]] std::string path_of(const std::string& name) const {
        return kept_.path_of("default", "nar/" + name);
    }

    [[nodiscard]] bool is_anything_incoming() const {
        std::error_code none;
        const fs::directory_iterator entries(kept_.directory() + "/.incoming", none);
        return entries != fs::directory_iterator();
    }

    test::TempDir temp_;
    KeptNars kept_{temp_.path().string()};
    Exchanges exchanges_{ExchangeLimits{.most = 1}};
    boost::asio::thread_pool pool_{2};
    NarFetches fetches_{kept_, exchanges_, [this](std::function<void()> job) {
                            boost::asio::post(pool_, std::move(job));
                        }};
    std::optional<ScriptedServer> server_;
};

// How it ends.
State end_of(const std::shared_ptr<NarFetch>& fetch) {
    auto ended = std::make_shared<std::promise<void>>();
    const auto future = ended->get_future();
    fetch->when_past(std::numeric_limits<std::uint64_t>::max(), [ended] { ended->set_value(); });
    if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
        throw std::runtime_error("the fetch doesn't end");
    }
    return fetch->standing().state;
}

TEST_F(NarFetchTest, what_fits_is_kept) {
    serve(answer_of(k_data));
    const auto fetched = fetch("a", {Sha256::of(k_data), k_data.size()});
    EXPECT_EQ(end_of(fetched), State::kept);
    EXPECT_EQ(fetched->standing().readable, k_data.size());
    EXPECT_EQ(fetched->read(4, 5), "bytes");
    EXPECT_TRUE(KeptNars::has(path_of("a"), k_data.size()));
}

TEST_F(NarFetchTest, what_does_not_fit_is_refused) {
    serve(answer_of(k_data));
    EXPECT_EQ(end_of(fetch("size", {{}, k_data.size() + 1})), State::refused);
    EXPECT_TRUE(eventually([&] {
        return end_of(fetch("hash", {Sha256::of("other"), {}})) == State::refused;
    }));
    EXPECT_TRUE(eventually([&] { return !is_anything_incoming(); }));
}

TEST_F(NarFetchTest, what_is_not_there_is_absent) {
    serve("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(end_of(fetch("a")), State::absent);
}

TEST_F(NarFetchTest, contradictory_lengths_are_a_failure) {
    serve(
        "HTTP/1.1 200 OK\r\nContent-Length: 18\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n" +
        k_data + "\r\n0\r\n\r\n"
    );
    EXPECT_EQ(end_of(fetch("a")), State::failed);
    EXPECT_FALSE(KeptNars::has(path_of("a"), {}));
}

TEST_F(NarFetchTest, no_more_is_written_than_was_announced) {
    server_.emplace([](Client& client) {
        (void)client.read_head();
        client.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 99999999\x01\r\n\r\n");
        client.send(k_data);
        client.await_end();
    });
    EXPECT_EQ(end_of(fetch("a")), State::failed);
}

// libcurl's thread may need a moment to let go of one.
TEST_F(NarFetchTest, what_has_ended_takes_no_place_while_it_is_read) {
    serve(answer_of(k_data));
    const auto kept = fetch("kept");
    EXPECT_EQ(end_of(kept), State::kept);
    EXPECT_TRUE(eventually([&] { return end_of(fetch("other")) == State::kept; }));
    serve("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    std::shared_ptr<NarFetch> absent;
    EXPECT_TRUE(eventually([&] {
        absent = fetch("absent");
        return end_of(absent) == State::absent;
    }));
    EXPECT_TRUE(eventually([&] { return end_of(fetch("absent-too")) == State::absent; }));
}

TEST_F(NarFetchTest, those_who_want_the_same_share_it_while_it_is_the_same) {
    serve(answer_of(k_data));
    const auto first = fetch("a", {{}, k_data.size()});
    EXPECT_EQ(fetch("a", {{}, k_data.size()}), first);
    EXPECT_EQ(end_of(first), State::kept);
    EXPECT_EQ(fetch("a", {{}, k_data.size()}), first);
    EXPECT_NE(fetch("a", {{}, k_data.size() + 1}), first);
}

}  // namespace
}  // namespace narthex::service
