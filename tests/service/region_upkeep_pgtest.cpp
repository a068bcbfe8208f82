#include "support/region_database.hpp"
#include "support/wait_until.hpp"

#include "narthex/service/primary_duties.hpp"
#include "narthex/service/region_upkeep.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace narthex::service {
namespace {

using test::wait_until;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using boost::asio::ip::tcp;

// Lets everybody in as PostgreSQL does, and answers nothing from then on.
class SilentPostgres {
  public:
    SilentPostgres() : thread_([this] { run(); }) {}
    ~SilentPostgres() {
        ::shutdown(listener_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    SilentPostgres(const SilentPostgres&) = delete;
    SilentPostgres& operator=(const SilentPostgres&) = delete;

    [[nodiscard]] std::string uri() const {
        return "host=127.0.0.1 port=" + std::to_string(listener_.local_endpoint().port()) +
               " user=u dbname=d sslmode=disable gssencmode=disable";
    }
    [[nodiscard]] int guests() const { return guests_; }

  private:
    void run() {
        boost::system::error_code ended;
        std::vector<tcp::socket> guests;
        for (;;) {
            tcp::socket guest(context_);
            listener_.accept(guest, ended);
            if (ended) return;
            welcome(guest);
            guests.push_back(std::move(guest));
            guests_ = static_cast<int>(guests.size());
        }
    }
    // PostgreSQL, "Message Formats": StartupMessage; AuthenticationOk, ReadyForQuery.
    static void welcome(tcp::socket& guest) {
        std::array<unsigned char, 4> size{};
        boost::asio::read(guest, boost::asio::buffer(size));
        std::vector<char> startup(std::size_t{size[2]} * 256 + size[3] - size.size());
        boost::asio::read(guest, boost::asio::buffer(startup));
        constexpr std::string_view k_welcome("R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I", 15);
        boost::asio::write(guest, boost::asio::buffer(k_welcome));
    }

    boost::asio::io_context context_;
    tcp::acceptor listener_{context_, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    std::atomic<int> guests_ = 0;
    std::thread thread_;
};

class RegionUpkeepTest : public testing::Test {
  protected:
    ~RegionUpkeepTest() override {
        test::execute(database_.uri(), "drop subscription if exists narthex");
    }
    // As after 'replica promote --force-unfenced'.
    void replace_unfenced(const std::string& old_primary) const {
        test::execute(
            database_.uri(),
            "create subscription narthex connection $uri$" + old_primary +
                "$uri$ publication p with (connect = false, slot_name = none);"
                " update instance set epoch = 2, url = 'http://new.example'"
        );
    }
    [[nodiscard]] std::string beats() const {
        return test::query(database_.uri(), "select coalesce(max(xid::text), '') from heartbeat");
    }
    [[nodiscard]] std::string subscriptions() const {
        return test::query(
            database_.uri(),
            "select count(*) from pg_subscription s join pg_database d on d.oid = s.subdbid"
            " where datname = current_database()"
        );
    }

    test::TestDatabase database_;
    Epochs epochs_;
};

TEST_F(RegionUpkeepTest, an_old_primary_that_never_answers_holds_up_nothing) {
    const SilentPostgres old_primary;
    replace_unfenced(old_primary.uri());
    test::add_region(database_.uri(), "eu1");
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    const PrimaryDuties duties({database_.uri(), "test"}, watch);
    std::optional<RegionUpkeep> upkeep;
    upkeep.emplace(RegionUpkeepOptions{database_.uri()}, watch);
    wait_until([&] { return old_primary.guests() > 0; }, "the old primary is asked");
    for (int turn = 0; turn < 6; ++turn) {
        const auto before = beats();
        const auto begun = Clock::now();
        wait_until([&] { return beats() != before; }, "it beats on");
        EXPECT_LT(Clock::now() - begun, 3s);
    }
    EXPECT_EQ(old_primary.guests(), 1) << "it still waits for an answer";
    const auto begun = Clock::now();
    upkeep.reset();
    EXPECT_LT(Clock::now() - begun, 3s);
    EXPECT_EQ(subscriptions(), "1");
}

TEST_F(RegionUpkeepTest, what_cannot_be_done_keeps_nothing_else_from_being_done) {
    const test::TestDatabase old_primary;
    test::add_region(old_primary.uri(), "eu1");
    test::execute(old_primary.uri(), "update region set kind = 'full'");
    replace_unfenced(old_primary.uri());
    // A role that has something can't be dropped.
    test::execute(
        database_.uri(),
        "create role narthex_region_stays;"
        " create table its_own (); alter table its_own owner to narthex_region_stays;"
        " insert into region (name, login, invite_until, joined_at, left_at)"
        " values ('stays', 'narthex_region_stays', now(), now(), now())"
    );
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    const RegionUpkeep upkeep({database_.uri()}, watch);
    const auto role = [&] {
        return test::query(old_primary.uri(), "select role || epoch || replaced_by from instance");
    };
    wait_until([&] { return role() == "fenced2http://new.example"; }, "the old one is fenced");
    wait_until([&] { return subscriptions() == "0"; }, "the way there is gone");
    EXPECT_EQ(test::query(database_.uri(), "select name from region"), "stays");
    // Now it can.
    test::execute(database_.uri(), "drop table its_own");
    wait_until(
        [&] { return test::query(database_.uri(), "select count(*) from region") == "0"; },
        "the region that left is gone"
    );
}

TEST_F(RegionUpkeepTest, keeps_no_connection_when_it_has_done_its_turn) {
    InstanceWatch watch(epochs_);
    const DatabaseWatch reading({database_.uri(), {&watch}, {}, {}});
    test::execute(
        database_.uri(),
        "insert into region (name, login, invite_until, joined_at, left_at)"
        " values ('gone', 'narthex_region_gone', now(), now(), now())"
    );
    const RegionUpkeep upkeep({database_.uri()}, watch);
    wait_until(
        [&] { return test::query(database_.uri(), "select count(*) from region") == "0"; },
        "it has removed the region"
    );
    wait_until(
        [&] {
            return test::query(
                       database_.uri(),
                       "select count(*) from pg_stat_activity"
                       " where datname = current_database() and pid <> pg_backend_pid()"
                   ) == "1";
        },
        "the one who reads is alone"
    );
}

}  // namespace
}  // namespace narthex::service
