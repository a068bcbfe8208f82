#include "narthex/service/upload_directory.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace narthex::service {
namespace {

namespace fs = std::filesystem;
constexpr std::chrono::seconds k_any_age(0);

class UploadDirectoryTest : public testing::Test {
  protected:
    [[nodiscard]] std::size_t files() const {
        std::size_t count = 0;
        for (const auto& entry : fs::recursive_directory_iterator(directory_.base())) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }

    [[nodiscard]] std::string read(const std::string& place) const {
        std::ostringstream text;
        text << std::ifstream(fs::path(directory_.base()) / place).rdbuf();
        return text.str();
    }

    test::TempDir dir_;
    UploadDirectory directory_{(dir_.path() / "deeper" / "nars").string()};
};

TEST_F(UploadDirectoryTest, keeps_what_is_committed_alone) {
    auto nar = directory_.receive();
    nar->write("one ");
    nar->write("NAR");
    EXPECT_EQ(nar->size(), 7);
    const auto hash = nar->hash();
    EXPECT_EQ(hash, Sha256::of("one NAR"));
    const auto place = nar->place(hash);
    EXPECT_EQ(files(), 2);  // its name in incoming/, too
    nar->commit();
    nar.reset();
    EXPECT_EQ(files(), 1);
    EXPECT_EQ(read(place), "one NAR");
    EXPECT_TRUE(directory_.leftovers(k_any_age).empty());
    EXPECT_TRUE(directory_.remove(place));
    EXPECT_FALSE(directory_.remove(place));
}

TEST_F(UploadDirectoryTest, drops_what_is_not_committed) {
    directory_.receive()->write("cut off");
    EXPECT_EQ(files(), 0);
    auto nar = directory_.receive();
    nar->write("placed");
    EXPECT_FALSE(nar->place(nar->hash()).empty());
    nar.reset();
    EXPECT_EQ(files(), 0);
}

TEST_F(UploadDirectoryTest, never_uses_a_name_twice) {
    std::vector<std::string> places;
    for (int i = 0; i < 2; ++i) {
        auto nar = directory_.receive();
        nar->write("the same");
        places.push_back(nar->place(nar->hash()));
        nar->commit();
    }
    EXPECT_NE(places[0], places[1]);
}

TEST_F(UploadDirectoryTest, takes_nothing_that_is_being_written_for_a_leftover) {
    auto nar = directory_.receive();
    nar->write("coming");
    EXPECT_TRUE(directory_.leftovers(k_any_age).empty());
    const auto place = nar->place(nar->hash());
    nar->leave();
    nar.reset();
    const auto left = directory_.leftovers(k_any_age);
    ASSERT_EQ(left.size(), 1);
    EXPECT_EQ(left[0].place, place);
    EXPECT_TRUE(directory_.leftovers(std::chrono::seconds(3600)).empty());
    directory_.settle(left[0], true);
    EXPECT_EQ(read(place), "coming");
    EXPECT_EQ(files(), 1);
}

TEST_F(UploadDirectoryTest, removes_a_leftover_that_the_database_does_not_know) {
    auto nar = directory_.receive();
    nar->write("coming");
    EXPECT_FALSE(nar->place(nar->hash()).empty());
    nar->leave();
    nar.reset();
    directory_.settle(directory_.leftovers(k_any_age).at(0), false);
    EXPECT_EQ(files(), 0);
}

TEST(UploadDirectory, says_which_directory_is_of_no_use) {
    const test::TempDir dir;
    const auto file = (dir.path() / "file").string();
    std::ofstream(file) << "x";
    try {
        const UploadDirectory directory(file + "/below");
        FAIL();
    } catch (const std::runtime_error& error) {
        const std::string reason = error.what();
        EXPECT_NE(reason.find(file), std::string::npos) << reason;
        EXPECT_NE(reason.find("--upload-dir"), std::string::npos) << reason;
    }
}

}  // namespace
}  // namespace narthex::service
