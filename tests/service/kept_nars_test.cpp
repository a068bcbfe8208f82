#include "narthex/service/kept_nars.hpp"

#include "support/cluster_fixture.hpp"
#include "support/temp_dir.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

namespace narthex::service {
namespace {

namespace fs = std::filesystem;

// What a user says that isn't root, to whom nothing is unreadable.
bool as_nobody(const std::function<bool()>& check) {
    if (::geteuid() != 0) return check();
    test::OtherProcess process([&](const auto&) {
        test::become_user(65534, 65534);
        if (!check()) throw std::runtime_error("false");
    });
    return process.finish();
}

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
    EXPECT_FALSE(KeptNars::has(path, 5));
    auto file = kept_.receive(5);
    file->write("he");
    file->write("llo");
    EXPECT_EQ(file->size(), 5U);
    EXPECT_EQ(file->hash(), Sha256::of("hello"));
    EXPECT_EQ(file->read(1, 3), "ell");
    EXPECT_FALSE(KeptNars::has(path, 5));
    file->keep(path);
    EXPECT_TRUE(KeptNars::has(path, 5));
    EXPECT_TRUE(KeptNars::has(path, std::nullopt));
    EXPECT_EQ(file->read(0, 10), "hello");
    file.reset();
    EXPECT_EQ(fs::file_size(path), 5U);
    EXPECT_EQ(incoming(), 0U);
}

TEST_F(KeptNarsTest, what_has_another_size_is_not_there_and_is_replaced) {
    const auto path = kept_.path_of("default", "nar/gzip/x");
    for (const std::string content : {"hello", "hello again"}) {
        EXPECT_FALSE(KeptNars::has(path, content.size()));
        auto file = kept_.receive(content.size());
        file->write(content);
        file->keep(path);
        EXPECT_TRUE(KeptNars::has(path, content.size()));
    }
    EXPECT_FALSE(KeptNars::has(kept_.directory() + "/default", std::nullopt));
}

TEST_F(KeptNarsTest, what_cannot_be_read_is_not_there) {
    const auto path = temp_.write("made/default/x", "hello");
    const auto check = [&] { return KeptNars::has(path, 5); };
    EXPECT_TRUE(as_nobody(check));
    fs::permissions(path, fs::perms::none);
    EXPECT_FALSE(as_nobody(check));
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

// As at the start of a region that fetches all.
TEST_F(KeptNarsTest, what_is_just_being_made_is_no_leftover) {
    std::atomic<bool> ending = false;
    std::vector<std::thread> sweeps;  // more than there are processors: who makes it is held up
    for (int i = 0; i < 8; ++i) {
        sweeps.emplace_back([&] {
            while (!ending) kept_.remove_leftovers();
        });
    }
    int lost = 0;
    for (int i = 0; i < 2000; ++i) {
        const auto file = kept_.receive(1);
        if (incoming() == 0) ++lost;
    }
    ending = true;
    for (auto& sweep : sweeps) sweep.join();
    EXPECT_EQ(lost, 0);
}

TEST_F(KeptNarsTest, what_stands_in_the_way_is_an_error) {
    const auto file = kept_.receive(1);
    std::ofstream(kept_.directory() + "/default") << "x";
    EXPECT_THROW(file->keep(kept_.path_of("default", "nar/x")), std::system_error);
}

}  // namespace
}  // namespace narthex::service
