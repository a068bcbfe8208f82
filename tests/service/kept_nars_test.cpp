#include "narthex/service/kept_nars.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace narthex::service {
namespace {

namespace fs = std::filesystem;

class KeptNarsTest : public ::testing::Test {
  protected:
    [[nodiscard]] std::size_t incoming() const {
        const auto directory = fs::path(kept_.directory()) / ".incoming";
        if (!fs::exists(directory)) return 0;
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(directory), fs::directory_iterator())
        );
    }

    test::TempDir temp_;
    KeptNars kept_{(temp_.path() / "made" / "when needed").string()};
};

TEST_F(KeptNarsTest, a_file_has_its_name_when_it_is_kept) {
    const auto path = kept_.path_of("default", "nar/gzip/x.nar");
    EXPECT_FALSE(KeptNars::has(path));
    auto file = kept_.receive(5);
    file->write("he");
    file->write("llo");
    EXPECT_EQ(file->size(), 5U);
    EXPECT_EQ(file->hash(), Sha256::of("hello"));
    EXPECT_EQ(file->read(1, 3), "ell");
    EXPECT_FALSE(KeptNars::has(path));
    file->keep(path);
    EXPECT_TRUE(KeptNars::has(path));
    EXPECT_EQ(file->read(0, 10), "hello");
    file.reset();
    EXPECT_EQ(fs::file_size(path), 5U);
    EXPECT_EQ(incoming(), 0U);
}

TEST_F(KeptNarsTest, what_is_not_kept_goes) {
    kept_.receive(3)->write("abc");
    EXPECT_EQ(incoming(), 0U);
}

TEST_F(KeptNarsTest, what_others_are_writing_is_no_leftover) {
    const auto under_way = kept_.receive(3);
    std::ofstream(kept_.directory() + "/.incoming/left by a killed server") << "x";
    EXPECT_EQ(incoming(), 2U);
    kept_.remove_leftovers();
    EXPECT_EQ(incoming(), 1U);
}

TEST_F(KeptNarsTest, what_stands_in_the_way_is_an_error) {
    const auto file = kept_.receive(1);
    std::ofstream(kept_.directory() + "/default") << "x";
    EXPECT_THROW(file->keep(kept_.path_of("default", "nar/x")), std::system_error);
}

}  // namespace
}  // namespace narthex::service
