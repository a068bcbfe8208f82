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

    std::size_t sweep(bool stopping) {
        const std::atomic<bool> stop = stopping;
        return sweep_kept_nars(connection_, kept_, -1h, stop);
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

TEST_F(KeptNarSweepTest, it_stops_when_it_is_told_to) {
    EXPECT_EQ(sweep(true), 0U);
    EXPECT_TRUE(fs::exists(temp_.path() / "default/nar/unnamed"));
}

}  // namespace
}  // namespace narthex::service
