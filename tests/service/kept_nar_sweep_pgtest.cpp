#include "support/database.hpp"
#include "support/temp_dir.hpp"

#include "narthex/service/kept_nar_sweep.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace narthex::service {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class KeptNarSweepTest : public testing::Test {
  protected:
    KeptNarSweepTest() {
        test::execute(
            db_.uri(),
            "insert into nar (cache, url, compression)"
            " select id, 'nar/named', 'none' from cache where name = 'default'"
        );
        for (const std::string name : {"nar/named", "nar/unnamed", "README"}) {
            (void)temp_.write("default/" + name, "x");
        }
    }

    std::size_t sweep(bool stopping, int keep_days = 0) {
        const std::atomic<bool> stop = stopping;
        return sweep_kept_nars(connection_, kept_, -1h, keep_days, stop);
    }

    test::TestDatabase db_;
    db::Connection connection_{db_.uri(), db::Session::work};
    test::TempDir temp_;
    KeptNars kept_{temp_.path().string()};
};

TEST_F(KeptNarSweepTest, what_no_row_names_goes) {
    EXPECT_EQ(sweep(false), 1U);
    EXPECT_TRUE(fs::exists(temp_.path() / "default/nar/named"));
    EXPECT_FALSE(fs::exists(temp_.path() / "default/nar/unnamed"));
    EXPECT_TRUE(fs::exists(temp_.path() / "default/README"));
}

TEST_F(KeptNarSweepTest, what_was_purged_lately_stays_where_it_is_kept) {
    test::execute(
        db_.uri(),
        "insert into purged_narinfo"
        " (cache, hash, purged_at, plan, name, text, nar_hash, nar_size, first_seen)"
        " select 1, substring(sha256(int4send(n)) for 20), now() - make_interval(days => n), 1, "
        "'x',"
        " 'URL: nar/' || n || e'\\nCompression: none\\n', sha256(''), 1, now()"
        " from (values (5), (15)) v (n)"
    );
    for (const std::string name : {"nar/5", "nar/15"}) (void)temp_.write("default/" + name, "x");
    (void)temp_.write("other/nar/5", "x");
    EXPECT_EQ(sweep(false, 10), 3U);
    EXPECT_TRUE(fs::exists(temp_.path() / "default/nar/named"));
    EXPECT_TRUE(fs::exists(temp_.path() / "default/nar/5"));
    EXPECT_FALSE(fs::exists(temp_.path() / "default/nar/15"));
    EXPECT_EQ(sweep(false, 4), 1U);
    EXPECT_FALSE(fs::exists(temp_.path() / "default/nar/5"));
}

TEST_F(KeptNarSweepTest, it_stops_when_it_is_told_to) {
    EXPECT_EQ(sweep(true), 0U);
    EXPECT_TRUE(fs::exists(temp_.path() / "default/nar/unnamed"));
}

}  // namespace
}  // namespace narthex::service
