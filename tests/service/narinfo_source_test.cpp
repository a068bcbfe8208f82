#include "narthex/service/narinfo_source.hpp"

#include "support/cluster_fixture.hpp"
#include "support/temp_dir.hpp"

#include "narthex/core/narinfo.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <memory>

namespace narthex::service {
namespace {

using test::TempDir;
using Words = std::vector<std::string>;

std::string zstd(std::string_view text) {
    std::string out(ZSTD_compressBound(text.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
    return out;
}

// One frame whose blocks are the given ones, as a compressor that is flushed writes them.
std::string zstd_in_blocks(const Words& blocks, bool checksum = false) {
    const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(
        ZSTD_createCCtx(), ZSTD_freeCCtx
    );
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, checksum ? 1 : 0);
    std::string out;
    std::string buffer(1 << 20, '\0');
    const auto put = [&](std::string_view bytes, ZSTD_EndDirective directive) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        std::size_t left = 1;
        while (left != 0) {
            ZSTD_outBuffer to{buffer.data(), buffer.size(), 0};
            left = ZSTD_compressStream2(context.get(), &to, &in, directive);
            ASSERT_EQ(ZSTD_isError(left), 0U);
            out.append(buffer, 0, to.pos);
        }
    };
    for (std::size_t i = 0; i + 1 < blocks.size(); ++i) put(blocks[i], ZSTD_e_flush);
    put(blocks.back(), ZSTD_e_end);
    return out;
}

class NarinfoSourceTest : public testing::Test {
  protected:
    // What comes, as "file:line text" or "file! problem"; file names below the directory.
    Words visit(Words inputs, std::size_t limit = 1'000'000) {
        NarinfoSource source(std::move(inputs));
        Words seen;
        source.for_each([&](const SourceItem& item) {
            auto file = item.file;
            if (file.starts_with(dir_.path().string())) {
                file.erase(0, dir_.path().string().size() + 1);
            }
            const auto line = std::to_string(item.record.first_line);
            if (!item.problem.empty()) {
                EXPECT_TRUE(item.record.text.empty());
                seen.push_back(file + "! " + item.problem);
            } else if (item.record.oversized) {
                seen.push_back(file + ":" + line + " (oversized)");
            } else {
                seen.push_back(file + ":" + line + " " + item.record.text);
            }
            return seen.size() < limit;
        });
        bytes_read_ = source.bytes_read();
        return seen;
    }

    Words visit_sorted(const std::string& directory) {
        auto seen = visit({directory});
        std::ranges::sort(seen);
        return seen;
    }

    [[nodiscard]] std::string at(const std::string& name) const {
        return (dir_.path() / name).string();
    }

    TempDir dir_;
    std::uint64_t bytes_read_ = 0;
};

TEST_F(NarinfoSourceTest, takes_a_narinfo_file_whole_and_cuts_other_files_at_empty_lines) {
    const std::string text = "a\nb\n\nc\n\n\nd\n";
    EXPECT_EQ(visit({dir_.write("x.narinfo", text)}), Words{"x.narinfo:1 " + text});
    EXPECT_EQ(bytes_read_, text.size());
    EXPECT_EQ(
        visit({dir_.write("x.txt", text)}), (Words{"x.txt:1 a\nb\n", "x.txt:4 c\n", "x.txt:7 d\n"})
    );
    EXPECT_EQ(bytes_read_, text.size());
    EXPECT_EQ(visit({dir_.write("narinfo", text)}).size(), 3U);
}

TEST_F(NarinfoSourceTest, reads_inputs_in_their_order_and_again_when_named_again) {
    const auto b = dir_.write("b", "2\n");
    const auto a = dir_.write("a", "1\n\n3");
    EXPECT_EQ(visit({b, a, b}), (Words{"b:1 2\n", "a:1 1\n", "a:3 3", "b:1 2\n"}));
}

TEST_F(NarinfoSourceTest, has_nothing_in_empty_inputs) {
    ::mkdir(at("nothing").c_str(), 0755);
    EXPECT_EQ(visit({dir_.write("a", ""), dir_.write("b", "\n\n"), at("nothing")}), Words{});
    EXPECT_EQ(visit({dir_.write("c.zst", ""), dir_.write("d.zst", zstd(""))}), Words{});
    EXPECT_EQ(visit({dir_.write("e.narinfo", "")}), Words{"e.narinfo:1 "});
}

TEST_F(NarinfoSourceTest, reads_standard_input) {
    const auto file = dir_.write("in", "a\n\nb\n");
    const int saved = ::dup(STDIN_FILENO);
    ASSERT_NE(::freopen(file.c_str(), "r", stdin), nullptr);
    EXPECT_EQ(visit({"-"}), (Words{"-:1 a\n", "-:3 b\n"}));
    ::dup2(saved, STDIN_FILENO);
    ::close(saved);
}

TEST_F(NarinfoSourceTest, decompresses_zst) {
    EXPECT_EQ(
        visit({dir_.write("a.zst", zstd("a\n\nb\n"))}), (Words{"a.zst:1 a\n", "a.zst:3 b\n"})
    );
    EXPECT_EQ(bytes_read_, zstd("a\n\nb\n").size());
    const auto frames = zstd("a\n\nb") + zstd("c\n") + zstd("") + zstd("\nd\n");
    EXPECT_EQ(
        visit({dir_.write("b.zst", frames)}), (Words{"b.zst:1 a\n", "b.zst:3 bc\n", "b.zst:5 d\n"})
    );
    // Not by the contents but by the name: it is what --help says.
    EXPECT_EQ(visit({dir_.write("c", "a\n")}), Words{"c:1 a\n"});
}

// What is left of a block when its input is used up must come, too.
TEST_F(NarinfoSourceTest, decompresses_blocks_of_any_size) {
    for (const std::size_t size : {1U, 70'000U, 100'000U, 127'999U, 131'071U, 131'072U}) {
        for (const int count : {1, 2, 3, 5}) {
            Words blocks;
            for (int i = 0; i < count; ++i) blocks.emplace_back(size, static_cast<char>('a' + i));
            blocks.back() += "\n";
            std::string all;
            for (const auto& block : blocks) all += block;
            for (const bool checksum : {false, true}) {
                const auto seen = visit({dir_.write("x.zst", zstd_in_blocks(blocks, checksum))});
                EXPECT_TRUE(seen == Words{"x.zst:1 " + all}) << size << " x " << count;
            }
        }
    }
}

TEST_F(NarinfoSourceTest, says_where_zst_data_is_bad_and_keeps_what_came_before) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + "\n\n";
    const auto whole = zstd(text);
    const auto truncated =
        visit({dir_.write("x.zst", whole.substr(0, whole.size() - 20)), "-none"});
    ASSERT_GT(truncated.size(), 10U);
    EXPECT_EQ(truncated[0], "x.zst:1 0\n");
    EXPECT_EQ(truncated[truncated.size() - 2], "x.zst! ends in the middle of its zstd data");
    // The last record before the end may be a part of one: it is left out.
    const auto& last = truncated[truncated.size() - 3];
    EXPECT_NE(text.find("\n" + last.substr(last.find(' ') + 1) + "\n"), std::string::npos) << last;

    auto corrupt = zstd_in_blocks({"a\n\n", "b\n\n", text});
    corrupt[corrupt.size() / 2] = static_cast<char>(corrupt[corrupt.size() / 2] ^ 0x55);
    corrupt[corrupt.size() / 2 + 1] = static_cast<char>(~corrupt[corrupt.size() / 2 + 1]);
    auto checked = zstd_in_blocks({"a\n\n", "b\n\n", text}, true);
    checked.back() = static_cast<char>(checked.back() ^ 1);
    for (const auto& bytes : {corrupt, checked}) {
        const auto seen = visit({dir_.write("y.zst", bytes)});
        ASSERT_GE(seen.size(), 3U);
        EXPECT_EQ(seen[1], "y.zst:3 b\n");
        EXPECT_TRUE(seen.back().starts_with("y.zst! bad zstd data")) << seen.back();
    }
}

TEST_F(NarinfoSourceTest, says_when_zst_is_something_else_and_goes_on) {
    const auto seen = visit({dir_.write("a.zst", "StorePath: x\n"), dir_.write("b", "x\n")});
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_TRUE(seen[0].starts_with("a.zst! bad zstd data")) << seen[0];
    EXPECT_EQ(seen[1], "b:1 x\n");
}

TEST_F(NarinfoSourceTest, says_what_it_cannot_read_and_goes_on) {
    const auto seen = visit({at("no.narinfo"), at("no"), at("no.zst"), dir_.write("b", "x\n")});
    EXPECT_EQ(
        seen,
        (Words{
            "no.narinfo! can't be read: No such file or directory",
            "no! can't be read: No such file or directory",
            "no.zst! can't be read: No such file or directory",
            "b:1 x\n"})
    );
}

TEST_F(NarinfoSourceTest, skips_what_is_too_large_without_keeping_it) {
    const std::string large(k_max_narinfo_bytes + 1, 'x');
    EXPECT_EQ(visit({dir_.write("a.narinfo", large)}), Words{"a.narinfo:1 (oversized)"});
    EXPECT_EQ(
        visit({dir_.write("b.zst", zstd("a\n\n" + large + "\n\nc\n"))}),
        (Words{"b.zst:1 a\n", "b.zst:3 (oversized)", "b.zst:5 c\n"})
    );
    EXPECT_EQ(visit({dir_.write("c.narinfo", large.substr(1))})[0].size(), large.size() + 11);
}

TEST_F(NarinfoSourceTest, searches_directories_for_narinfo_files_only) {
    for (const std::string name :
         {"d/a.narinfo",
          "d/x/b.narinfo",
          "d/x/y/z/c.narinfo",
          "d/.hidden.narinfo",
          "d/e.narinfo/f.narinfo"}) {
        dir_.write(name, "x");
    }
    for (const std::string name :
         {"d/README", "d/nar/x.nar.xz", "d/narinfo", "d/a.narinfo.bak", "d/s.zst"}) {
        dir_.write(name, "y\n\ny\n");
    }
    dir_.write("elsewhere/g.narinfo", "x");
    std::filesystem::create_symlink(at("elsewhere/g.narinfo"), at("d/link.narinfo"));
    std::filesystem::create_directory_symlink(at("d"), at("d/x/circle"));
    std::filesystem::create_symlink(at("gone"), at("d/gone.narinfo"));
    ASSERT_EQ(::mkfifo(at("d/pipe.narinfo").c_str(), 0600), 0);  // it would be waited for
    EXPECT_EQ(
        visit_sorted(at("d")),
        (Words{
            "d/.hidden.narinfo:1 x",
            "d/a.narinfo:1 x",
            "d/e.narinfo/f.narinfo:1 x",
            "d/gone.narinfo! can't be read: No such file or directory",
            "d/link.narinfo:1 x",
            "d/x/b.narinfo:1 x",
            "d/x/y/z/c.narinfo:1 x"})
    );
}

TEST_F(NarinfoSourceTest, goes_on_after_a_directory_that_it_may_not_read) {
    for (const std::string name : {"a", "b", "c", "d", "e", "f"})
        dir_.write("d/" + name + "/x.narinfo", "x");
    ::chmod(at("d/c").c_str(), 0);
    test::OtherProcess reader([this](const std::function<void()>& ready_then_wait) {
        if (::geteuid() == 0) test::become_user("nobody");
        const auto seen = visit_sorted(at("d"));
        if (seen.size() != 6 || seen[2] != "d/c! can't be read: Permission denied") {
            throw std::runtime_error(std::to_string(seen.size()) + " items");
        }
        ready_then_wait();
    });
    EXPECT_TRUE(reader.finish());
    ::chmod(at("d/c").c_str(), 0755);
}

TEST_F(NarinfoSourceTest, stops_as_soon_as_it_is_told) {
    const auto stream = dir_.write("s", "1\n\n2\n\n3\n");
    dir_.write("d/a.narinfo", "x");
    dir_.write("d/b/b.narinfo", "x");
    dir_.write("d/c.narinfo", "x");
    EXPECT_EQ(visit({stream, stream}, 1), Words{"s:1 1\n"});
    EXPECT_EQ(visit({stream, stream}, 2), (Words{"s:1 1\n", "s:3 2\n"}));
    EXPECT_EQ(visit({stream, at("d"), stream}, 4).size(), 4U);
    EXPECT_EQ(visit({at("d"), stream}, 3).size(), 3U);
    EXPECT_EQ(visit({at("none"), stream}, 1).size(), 1U);
    EXPECT_EQ(visit({dir_.write("z.zst", zstd("1\n\n2\n")), stream}, 1), Words{"z.zst:1 1\n"});
}

TEST_F(NarinfoSourceTest, reads_no_more_once_a_signal_has_set_its_flag) {
    std::atomic<bool> stop = false;
    NarinfoSource source({dir_.write("a", "1\n\n2\n"), dir_.write("b.narinfo", "3\n")}, &stop);
    std::size_t seen = 0;
    source.for_each([&](const SourceItem&) {
        stop = true;
        ++seen;
        return true;
    });
    EXPECT_LE(seen, 2U);  // what was read already may come
    source.for_each([&](const SourceItem&) { return ++seen < 1000; });
    EXPECT_LE(seen, 2U);
}

TEST_F(NarinfoSourceTest, knows_how_much_there_is_unless_it_is_a_pipe) {
    const auto file = dir_.write("a", "12345");
    dir_.write("d/x.narinfo", "123");
    dir_.write("d/y/z.narinfo", "12");
    dir_.write("d/other", "1234567");
    EXPECT_EQ(NarinfoSource({file, at("d"), file}).total_bytes(), 15U);
    EXPECT_EQ(NarinfoSource({}).total_bytes(), 0U);
    EXPECT_EQ(NarinfoSource({file, "-"}).total_bytes(), std::nullopt);
    ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
    EXPECT_EQ(NarinfoSource({file, at("pipe")}).total_bytes(), std::nullopt);
    EXPECT_EQ(NarinfoSource({at("none")}).total_bytes(), std::nullopt);
    EXPECT_EQ(visit({at("d")}).size(), 2U);
    EXPECT_EQ(bytes_read_, 5U);
}

}  // namespace
}  // namespace narthex::service
