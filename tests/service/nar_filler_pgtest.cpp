#include "support/cluster_fixture.hpp"
#include "support/database.hpp"
#include "support/scripted_server.hpp"
#include "support/temp_dir.hpp"

#include "narthex/service/nar_filler.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace narthex::service {
namespace {

using test::eventually;
using test::ScriptedServer;
using Client = ScriptedServer::Client;

const std::string k_absent = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
const std::string k_there = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nNAR";
const std::string k_longer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nNARs";

// NARs of three bytes.
class NarFillerTest : public testing::Test {
  protected:
    NarFillerTest() {
        test::execute(db_.uri(), "insert into site (kind, base) values ('file', '/x')");
    }
    ~NarFillerTest() override {
        filler_.reset();
        exchanges_.stop();
        pool_.join();
    }

    // Named a, b, ... in the order in which they were published.
    void publish(const std::string& name) {
        test::execute(
            db_.uri(),
            "with made as (insert into nar (cache, url, compression, file_size) values"
            " ((select id from cache where name = 'default'), 'nar/" +
                name +
                "', 'none', 3) returning id)"
                " insert into nar_location select made.id, site.id, 'x' from made, site"
        );
    }

    // Like the default of those that aren't named.
    void start(std::map<std::string, std::string> answers) {
        server_.emplace([this, answers = std::move(answers)](Client& client) {
            const auto head = client.read_head();
            const auto name = head.substr(9, head.find(' ', 4) - 9);  // GET /nar/NAME
            {
                const std::lock_guard lock(mutex_);
                ++asked_[name];
            }
            const auto known = answers.find(name);
            client.send(known != answers.end() ? known->second : k_there);
        });
        run();
    }

    void run() {
        auto instance = std::make_shared<db::Instance>();
        instance->role = db::InstanceRole::region;
        instance->primary_url = server_->url();
        filler_.emplace(db_.uri(), kept_, fetches_, [instance] { return instance; });
    }

    [[nodiscard]] bool has(const std::string& name) const {
        return KeptNars::has(kept_.path_of("default", "nar/" + name), 3);
    }

    [[nodiscard]] int asked(const std::string& name) {
        const std::lock_guard lock(mutex_);
        return asked_[name];
    }

    test::TestDatabase db_;
    test::TempDir temp_;
    KeptNars kept_{temp_.path().string()};
    Exchanges exchanges_{ExchangeLimits{}};
    boost::asio::thread_pool pool_{2};
    NarFetches fetches_{kept_, exchanges_, [this](std::function<void()> job) {
                            boost::asio::post(pool_, std::move(job));
                        }};
    std::mutex mutex_;
    std::map<std::string, int> asked_;
    std::optional<ScriptedServer> server_;
    std::optional<NarFiller> filler_;
};

TEST_F(NarFillerTest, what_the_primary_cannot_give_holds_up_nothing) {
    const std::map<std::string, std::string> answers = {
        {"d", k_absent}, {"e", k_longer}, {"f", k_absent}, {"g", k_longer}, {"h", k_absent}};
    for (const std::string name : {"a", "b", "c", "d", "e", "f", "g", "h"}) publish(name);
    start(answers);
    EXPECT_TRUE(eventually([&] { return has("a") && has("b") && has("c"); }));
    EXPECT_TRUE(eventually([&] { return filler_->left() == answers.size(); }));
    // The next turn looks at what is new alone.
    publish("i");
    EXPECT_TRUE(eventually([&] { return has("i"); }));
    for (const auto& [name, answer] : answers) EXPECT_EQ(asked(name), 1) << name;
    EXPECT_TRUE(eventually([&] { return filler_->left() == answers.size(); }));
}

TEST_F(NarFillerTest, what_has_another_size_is_fetched_again) {
    publish("a");
    (void)temp_.write("default/nar/a", "something else");
    start({});
    EXPECT_TRUE(eventually([&] { return has("a"); }));
}

TEST_F(NarFillerTest, what_could_not_be_kept_is_still_lacking) {
    publish("a");
    publish("dir/b");
    (void)temp_.write("default/nar/dir", "in its way");
    start({});
    EXPECT_TRUE(eventually([&] { return has("a") && fetches_.figures().kept == 2; }));
    EXPECT_TRUE(eventually([&] { return filler_->left() == 1; }));
    pool_.join();  // whoever waits for them was told
    EXPECT_EQ(filler_->left(), 1U);
}

TEST_F(NarFillerTest, a_primary_that_fails_is_left_alone_after_some) {
    for (const std::string name : {"a", "b", "c", "d", "e", "f", "g", "h"}) publish(name);
    std::map<std::string, std::string> answers;
    for (const std::string name : {"c", "d", "e", "f", "g", "h"}) answers[name] = "";
    start(std::move(answers));
    EXPECT_TRUE(eventually([&] { return asked("e") > 0; }));
    filler_.reset();
    EXPECT_EQ(asked("a"), 0);
    EXPECT_EQ(asked("b"), 0);
}

TEST_F(NarFillerTest, it_ends_while_fetches_are_under_way) {
    for (const std::string name : {"a", "b", "c"}) publish(name);
    for (int i = 0; i < 20; ++i) {
        server_.emplace([this](Client& client) {
            (void)client.read_head();
            {
                const std::lock_guard lock(mutex_);
                ++asked_["any"];
            }
            client.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nNA");
            client.await_end();
        });
        const int before = asked("any");
        run();
        EXPECT_TRUE(eventually([&] { return asked("any") == before + 2; }));
        server_.reset();  // both fail while it goes
        filler_.reset();
    }
}

}  // namespace
}  // namespace narthex::service
