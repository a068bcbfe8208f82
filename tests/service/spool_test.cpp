#include "narthex/service/spool.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

namespace narthex::service {
namespace {

TEST(Spool, gives_back_what_it_was_given) {
    const test::TempDir directory;
    Spool spool(directory.path());
    const auto small = spool.append("one");
    const auto empty = spool.append("");
    const std::string large(3 << 20, 'x');
    const auto big = spool.append(large);
    const auto last = spool.append("last");
    spool.flush();
    EXPECT_EQ(spool.read(last), "last");
    EXPECT_EQ(spool.read(small), "one");
    EXPECT_EQ(spool.read(empty), "");
    EXPECT_TRUE(spool.read(big) == large);
    EXPECT_EQ(spool.bytes(), large.size() + 7);
    spool.clear();
    EXPECT_EQ(spool.bytes(), 0U);
    const auto again = spool.append("again");
    spool.flush();
    EXPECT_EQ(spool.read(again), "again");
}

TEST(Spool, has_no_name) {
    const test::TempDir directory;
    const Spool spool(directory.path());
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST(Spool, says_where_it_cannot_be) {
    try {
        const Spool spool("/nonexistent");
        FAIL();
    } catch (const std::system_error& error) {
        EXPECT_STREQ(
            error.what(),
            "a temporary file in /nonexistent can't be made (TMPDIR names another directory): "
            "No such file or directory"
        );
    }
}

}  // namespace
}  // namespace narthex::service
