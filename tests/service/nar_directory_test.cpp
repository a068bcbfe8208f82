#include "narthex/service/nar_directory.hpp"

#include "support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace narthex::service {
namespace {

namespace fs = std::filesystem;

class NarDirectoryTest : public testing::Test {
  protected:
    // The path below the directory; the error's message after "! "; "-" for another server's.
    [[nodiscard]] std::string find(const std::string& url, std::optional<std::uint64_t> size = {})
        const {
        const auto found = NarDirectory::open(dir_.path()).value().find({url, "none", {}, size});
        if (!found) return "! " + found.error().message;
        return found->value_or("-");
    }

    test::TempDir dir_;
};

void expect_says(const std::string& answer, const std::string& words) {
    EXPECT_TRUE(answer.starts_with("! ")) << answer;
    EXPECT_NE(answer.find(words), std::string::npos) << answer;
}

TEST_F(NarDirectoryTest, is_laid_out_as_a_cache_or_as_what_is_below_nar) {
    dir_.write("nar/a.nar.xz", "12345");
    dir_.write("b.nar.xz", "12");
    dir_.write("gzip/c-name", "1");
    dir_.write("nar/zstd/c-name", "1");
    EXPECT_EQ(find("nar/a.nar.xz"), "nar/a.nar.xz");
    EXPECT_EQ(find("nar/b.nar.xz"), "b.nar.xz");
    EXPECT_EQ(find("nar/gzip/c-name"), "gzip/c-name");
    EXPECT_EQ(find("nar/zstd/c-name"), "nar/zstd/c-name");
}

TEST_F(NarDirectoryTest, is_laid_out_as_guix_publish_lays_out_its_cache) {
    dir_.write("gzip/hash-name.nar", "12345");
    dir_.write("zstd/hash-name.nar", "123");
    EXPECT_EQ(find("nar/gzip/hash-name", 5), "gzip/hash-name.nar");
    expect_says(find("nar/zstd/hash-name", 5), "has 3 bytes");
    EXPECT_EQ(find("nar/gzip/hash-name.nar"), "gzip/hash-name.nar");
    dir_.write("none/hash-name.nar", "1234567");
    EXPECT_EQ(find("nar/hash-name", 7), "none/hash-name.nar");
    expect_says(find("nar/hash-name", 5), "has 7 bytes");
}

TEST_F(NarDirectoryTest, finds_files_by_their_decoded_names) {
    dir_.write("nar/libstdc++?.nar", "x");
    EXPECT_EQ(find("nar/libstdc%2B%2B%3f.nar?hash=y"), "nar/libstdc++?.nar");
}

TEST_F(NarDirectoryTest, compares_the_size_when_there_is_one) {
    dir_.write("nar/a", "12345");
    EXPECT_EQ(find("nar/a", 5), "nar/a");
    EXPECT_EQ(find("nar/a"), "nar/a");
    expect_says(find("nar/a", 4), "has 5 bytes, FileSize says 4");
    expect_says(find("nar/a", 0), "has 5 bytes, FileSize says 0");
}

TEST_F(NarDirectoryTest, says_what_is_missing) {
    expect_says(find("nar/x"), "its NAR nar/x is not in " + dir_.path().string());
    fs::create_directories(dir_.path() / "nar/d");
    expect_says(find("nar/d"), "is not in");
    fs::create_symlink("nowhere", dir_.path() / "nar/broken");
    expect_says(find("nar/broken"), "is not in");
}

TEST_F(NarDirectoryTest, has_nothing_above_it) {
    const test::TempDir inner_parent;
    inner_parent.write("secret", "x");
    expect_says(
        find("nar/../../" + inner_parent.path().filename().string() + "/secret"), "below nar/"
    );
    expect_says(find("nar/%2e%2e/x"), "below nar/");
    expect_says(find("/etc/passwd"), "below nar/");
    expect_says(find("x"), "below nar/");
}

TEST_F(NarDirectoryTest, has_no_nars_of_other_servers) {
    EXPECT_EQ(find("https://cdn.example.org/nar/a", 5), "-");
}

TEST(NarDirectoryOpen, wants_a_directory_and_follows_links_to_it) {
    const test::TempDir dir;
    const auto file = dir.write("file", "");
    EXPECT_FALSE(NarDirectory::open(file));
    EXPECT_FALSE(NarDirectory::open(dir.path() / "none"));
    fs::create_directory(dir.path() / "real");
    fs::create_directory_symlink("real", dir.path() / "link");
    EXPECT_EQ(
        NarDirectory::open(dir.path() / "link/../link/.").value().base(),
        dir.path().string() + "/real"
    );
}

}  // namespace
}  // namespace narthex::service
