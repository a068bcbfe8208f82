#include "narthex/app/progress.hpp"

#include <gtest/gtest.h>

namespace narthex::app {
namespace {

using Seconds = std::chrono::duration<double>;

TEST(ProgressText, has_rate_and_time_left) {
    EXPECT_EQ(
        progress_text({"storing", 12'000, 420, 1000}, Seconds(60)),
        "storing: 12000 narinfos, 200/s, 42 %, 1:22 left"
    );
}

TEST(ProgressText, leaves_out_what_nobody_knows) {
    EXPECT_EQ(
        progress_text({"storing", 10, 420, std::nullopt}, Seconds(1)), "storing: 10 narinfos, 10/s"
    );
    EXPECT_EQ(progress_text({"storing", 10, 0, 1000}, Seconds(1)), "storing: 10 narinfos, 10/s");
}

TEST(ProgressText, never_passes_the_end) {
    EXPECT_EQ(
        progress_text({"storing", 10, 2000, 1000}, Seconds(1)),
        "storing: 10 narinfos, 10/s, 100 %, 0:00 left"
    );
}

TEST(ProgressText, has_no_rate_in_a_phases_first_second) {
    EXPECT_EQ(progress_text({"reading", 10, 420, 1000}, Seconds(0.9)), "reading: 10 narinfos");
}

}  // namespace
}  // namespace narthex::app
