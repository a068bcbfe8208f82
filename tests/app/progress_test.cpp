#include "narthex/app/progress.hpp"

#include <gtest/gtest.h>

namespace narthex::app {
namespace {

using Seconds = std::chrono::duration<double>;

TEST(ProgressText, has_rate_and_time_left) {
    EXPECT_EQ(
        progress_text({12'000, 420, 1000}, Seconds(60)), "12000 narinfos, 200/s, 42 %, 1:22 left"
    );
}

TEST(ProgressText, leaves_out_what_nobody_knows) {
    EXPECT_EQ(progress_text({10, 420, std::nullopt}, Seconds(1)), "10 narinfos, 10/s");
    EXPECT_EQ(progress_text({10, 0, 1000}, Seconds(1)), "10 narinfos, 10/s");
}

TEST(ProgressText, never_passes_the_end) {
    EXPECT_EQ(progress_text({10, 2000, 1000}, Seconds(1)), "10 narinfos, 10/s, 100 %, 0:00 left");
}

}  // namespace
}  // namespace narthex::app
