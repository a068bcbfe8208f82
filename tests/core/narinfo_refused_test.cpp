// What Narinfo::parse refuses, with the line and words of its error.
#include "narinfo_sample.hpp"

#include "narthex/core/narinfo.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace narthex {
namespace {

using namespace test;

void expect_refused(const std::string& text, std::size_t line, std::string_view reason) {
    const auto narinfo = Narinfo::parse(text);
    ASSERT_FALSE(narinfo) << text;
    EXPECT_EQ(narinfo.error().line, line) << text << narinfo.error().reason;
    EXPECT_NE(narinfo.error().reason.find(reason), std::string::npos) << narinfo.error().reason;
}

struct Change {
    std::string_view key;  // of the line that is replaced
    std::string line;
    std::size_t number;
    std::string_view reason;
};

void expect_each_refused(const Lines& lines, const std::vector<Change>& changes) {
    for (const auto& [key, line, number, reason] : changes) {
        expect_refused(join_lines(with_line(lines, key, line)), number, reason);
    }
}

TEST(RefuseNarinfo, whose_mandatory_field_is_missing) {
    for (const std::string_view key : {"StorePath", "URL", "NarHash", "NarSize", "References"}) {
        expect_refused(
            join_lines(without_line(nix_lines(), key)), 0, "no " + std::string(key) + " line"
        );
    }
}

TEST(RefuseNarinfo, whose_single_field_comes_twice) {
    Lines lines = and_line(and_line(nix_lines(), "CA: "), "System: x");
    for (const std::string_view key :
         {"StorePath", "NarHash", "NarSize", "References", "Deriver", "CA", "System"}) {
        for (const std::string& line : lines) {
            if (!line.starts_with(std::string(key) + ":")) continue;
            expect_refused(
                join_lines(and_line(lines, line)), 13, "a second " + std::string(key) + " line"
            );
        }
    }
    expect_refused(
        join_lines(and_line(guix_lines(), guix_lines()[5])), 13, "a second Signature line"
    );
}

TEST(RefuseNarinfo, whose_bytes_are_not_clean_lines) {
    using namespace std::string_literals;
    const std::string text = join_lines(nix_lines());
    expect_refused("", 0, "empty");
    expect_refused("\n", 1, "blank");
    expect_refused(text + "\n", 11, "blank");
    expect_refused("\n" + text, 1, "blank");
    expect_refused(text + "\n" + text, 11, "blank");
    expect_refused(text.substr(0, text.size() - 1), 10, "newline");
    expect_refused(text + "X: a\0b\n"s, 11, "NUL");
    expect_refused(text + "X: a\r\n", 11, "carriage return");
    expect_refused(text + "X: a\rb\n", 11, "carriage return");
    expect_refused(std::string(k_max_narinfo_bytes + 1, 'x'), 0, "4 MiB");
}

TEST(RefuseNarinfo, that_is_not_utf8) {
    const std::string text = join_lines(nix_lines());
    for (const std::string bad :
         {"\x80",
          "\xff",
          "\xc0\xaf",
          "\xc1\xbf",
          "\xc3",
          "\xc3\x28",
          "\xe0\x80\xaf",
          "\xed\xa0\x80",
          "\xe2\x82",
          "\xe2\x28\xac",
          "\xe2\x82\x28",
          "\xf0\x80\x80\xaf",
          "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80",
          "\xf0\x9f\x92",
          "\xf0\x9f\x92\x28"}) {
        expect_refused(text + "X: " + bad + "\n", 11, "UTF-8");
        expect_refused(text + "X: aaaaaaaaaaaaaaaaa" + bad + "\n", 11, "UTF-8");
    }
    for (const std::string good :
         {"\xc2\x80",
          "\xdf\xbf",
          "\xe0\xa0\x80",
          "\xed\x9f\xbf",
          "\xee\x80\x80",
          "\xef\xbf\xbf",
          "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf",
          "\xf1\x80\x80\x80"}) {
        EXPECT_TRUE(Narinfo::parse(text + "X: " + good + "\n"));
    }
}

TEST(RefuseNarinfo, with_a_line_that_is_not_key_and_value) {
    for (const std::string line :
         {"X", "X:", "X:y", "X :y", "X:\ty", "X", ": y", " X: y", "+ X: y", "# X: y", "-: y"}) {
        expect_refused(join_lines(and_line(nix_lines(), line)), 11, "");
    }
    expect_each_refused(
        nix_lines(),
        {{"References", "References:", 8, "Key: value"}, {"URL", "URL:nar/x", 2, "Key: value"}}
    );
}

TEST(RefuseNarinfo, with_a_bad_value) {
    const std::string file_hash = "FileHash: sha256:" + k_nar_hash;
    expect_each_refused(
        nix_lines(),
        {
            {"StorePath", "StorePath: ", 1, "StorePath"},
            {"StorePath", "StorePath: " + k_path_hash + "-x", 1, "store directory"},
            {"StorePath", "StorePath: /nix/store/" + k_path_hash, 1, "base name"},
            {"StorePath", "StorePath: /nix/store/" + k_path_hash + "-a b", 1, "outside"},
            {"StorePath",
             "StorePath: /nix/store/" + k_path_hash + "-" + std::string(212, 'a'),
             1,
             "longer than 211"},
            {"StorePath", nix_lines()[0] + "/bin", 1, "base name"},
            {"NarHash", "NarHash: ", 6, "NarHash"},
            {"NarHash", "NarHash: " + k_nar_hash, 6, "sha256:"},
            {"NarHash", "NarHash: sha1:kpcd173cq987hw957sx6m0868wv3x6d9", 6, "sha256"},
            {"FileHash", "FileHash: ", 4, "FileHash"},
            {"FileHash", "FileHash: sha256:x", 4, "FileHash"},
            {"NarSize", "NarSize: ", 7, "NarSize"},
            {"NarSize", "NarSize: 0", 7, "NarSize"},
            {"NarSize", "NarSize: -1", 7, "NarSize"},
            {"NarSize", "NarSize: +1", 7, "NarSize"},
            {"NarSize", "NarSize: 1 ", 7, "NarSize"},
            {"NarSize", "NarSize:  1", 7, "NarSize"},
            {"NarSize", "NarSize: 0x1", 7, "NarSize"},
            {"NarSize", "NarSize: 9223372036854775808", 7, "NarSize"},
            {"NarSize", "NarSize: 18446744073709551616", 7, "NarSize"},
            {"FileSize", "FileSize: x", 5, "FileSize"},
            {"FileSize", "FileSize: ", 5, "FileSize"},
            {"References", "References: /nix/store/" + k_reference_a, 8, "store directory"},
            {"References", "References: x", 8, "References"},
            {"References", "References: " + k_reference_a + "\t" + k_reference_b, 8, "outside"},
            {"References", "References: " + k_reference_a + "," + k_reference_b, 8, "outside"},
            {"Deriver", "Deriver: ", 9, "unknown-deriver"},
            {"Deriver", "Deriver: x.drv", 9, "Deriver"},
            {"Deriver", "Deriver: /nix/store/" + k_path_hash + "-x.drv", 9, "store directory"},
            {"Compression", "Compression: xzz", 3, "none br bzip2"},
            {"Compression", "Compression: XZ", 3, "none br bzip2"},
            {"Compression", "Compression: xz zstd", 3, "none br bzip2"},
            {"Compression", "Compression: xz ", 3, "none br bzip2"},
            {"Sig", "Sig: ", 10, "NAME:BASE64"},
            {"Sig", "Sig: x", 10, "NAME:BASE64"},
            {"Sig", "Sig: k:" + to_base64(Bytes(63, 1)), 10, "64 bytes"},
            {"Sig", "Sig: k k:" + to_base64(Bytes(64, 1)), 10, "white space"},
            {"Sig", "Sig: :" + to_base64(Bytes(64, 1)), 10, "NAME:BASE64"},
            {"Sig", "CA: text", 10, "CA"},
            {"Sig", "CA: fixed:r:sha256:x", 10, "CA"},
            {"Sig", "CA: text:r:sha256:" + k_nar_hash, 10, "CA"},
            {"Sig", "CA: fixed:sha1:" + k_nar_hash, 10, "CA"},
            {"Sig", "CA: fixed:sha3:" + k_nar_hash, 10, "CA"},
        }
    );
}

TEST(RefuseNarinfo, whose_url_no_client_can_follow_safely) {
    for (const std::string url : {"",           "/nar/x",       "//h/x",        "nar/a b",
                                  "nar/a\tb",   "nar/a ",       "nar/\x01",     "nar/\x7f",
                                  "..",         "../x",         "nar/../x",     "nar/..",
                                  "nar/..?x",   "nar/%2e%2E/x", "nar/.%2e",     "http://h/../x",
                                  "ftp://h/x",  "file:///x",    "HTTP://h/x",   "http:x",
                                  "http:/h/x",  "http://",      "https://",     "http:///x",
                                  "https://?x", "http://:80/x", "javascript:x", "x:",
                                  ":x",         "s3://b/x"}) {
        expect_refused(join_lines(with_line(nix_lines(), "URL", "URL: " + url)), 2, "URL");
    }
}

TEST(RefuseNarinfo, with_more_lines_about_a_file_than_urls) {
    for (const std::string& line :
         Lines{"Compression: xz", "FileSize: 5", "FileHash: sha256:" + k_nar_hash}) {
        expect_refused(join_lines(and_line(nix_lines(), line)), 11, "1 URL and 2 ");
    }
}

TEST(RefuseGuixNarinfo, whose_files_do_not_pair_up) {
    const Lines lines = guix_lines();
    expect_refused(join_lines(and_line(lines, "FileSize: 5")), 13, "2 URL and 3 FileSize");
    expect_refused(join_lines(and_line(lines, "Compression: xz")), 13, "2 URL and 3 Compression");
    expect_refused(join_lines(without_line(lines, "Compression")), 0, "2 URL and 0 Compression");
    expect_refused(join_lines(Lines(lines.begin(), lines.end() - 1)), 9, "2 URL and 1 FileSize");
    expect_refused(
        join_lines(and_line(lines, "FileHash: sha256:" + k_nar_hash)), 13, "2 URL and 1 FileHash"
    );
    expect_refused(join_lines(and_line(nix_lines(), "URL: nar/y")), 3, "2 URL and 1 Compression");
}

TEST(RefuseGuixNarinfo, with_a_bad_value) {
    const std::string signed_by = "Signature: ";
    expect_each_refused(
        guix_lines(),
        {
            {"NarHash",
             "NarHash: sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
             2,
             "base32"},
            {"NarHash",
             "NarHash: sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
             2,
             "base32"},
            {"Compression", "Compression: ", 8, "none br bzip2"},
            {"Signature", signed_by, 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "2;h;Zm9v", 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "1;h", 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "1;h;", 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "1;h;Zm9", 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "1;h;Zm9v;", 6, "1;HOST;BASE64"},
            {"Signature", signed_by + "1;a;b;Zm9v", 6, "1;HOST;BASE64"},
            {"Deriver", "X-Signature: y", 5, "inside"},
            {"Deriver", "X: Signature: y", 5, "inside"},
        }
    );
}

TEST(ParseGuixNarinfo, reads_every_field) {
    const auto narinfo = Narinfo::parse(join_lines(guix_lines()));
    ASSERT_TRUE(narinfo) << narinfo.error().to_string();
    EXPECT_EQ(narinfo->dialect(), Dialect::guix);
    const std::vector<NarFile> files = {
        {"nar/gzip/" + k_path_hash + "-sample-1.0", "gzip", {}, 70000},
        {"nar/zstd/" + k_path_hash + "-sample-1.0", "zstd", {}, 60000},
    };
    EXPECT_EQ(narinfo->files(), files);
    EXPECT_EQ(narinfo->references().size(), 2u);
    EXPECT_EQ(narinfo->guix_signature(), "1;guix.example.org;KHNpZ25hdHVyZSk=");
    const Lines lines = guix_lines();
    EXPECT_EQ(narinfo->guix_signed_bytes(), join_lines(Lines(lines.begin(), lines.begin() + 5)));
}

TEST(ParseGuixNarinfo, is_told_by_signature_urls_or_store_directory) {
    const auto dialect = [](const Lines& lines) {
        return Narinfo::parse(join_lines(lines)).value().dialect();
    };
    const Lines plain = nix_lines();
    const std::string guix_path = "StorePath: /gnu/store/" + k_path_hash + "-x";
    EXPECT_EQ(dialect(plain), Dialect::nix);
    EXPECT_EQ(dialect(and_line(plain, "Signature: 1;h;Zm9v")), Dialect::guix);
    EXPECT_EQ(dialect(with_line(plain, "StorePath", guix_path)), Dialect::guix);
    const Lines two_urls = without_line(without_line(plain, "FileHash"), "FileSize");
    EXPECT_EQ(
        dialect(and_line(and_line(two_urls, "URL: nar/y"), "Compression: none")), Dialect::guix
    );
}

TEST(ParseGuixNarinfo, may_carry_nix_signatures_behind_its_own) {
    const auto narinfo = Narinfo::parse(join_lines(and_line(guix_lines(), "Sig: " + sample_sig())));
    ASSERT_TRUE(narinfo) << narinfo.error().to_string();
    EXPECT_EQ(narinfo->signatures().size(), 1u);
    EXPECT_EQ(narinfo->guix_signed_bytes()->find("Sig"), std::string_view::npos);
}

TEST(ParseGuixNarinfo, may_leave_out_sizes_and_signature) {
    const Lines lines = without_line(without_line(guix_lines(), "FileSize"), "Signature");
    const auto narinfo = Narinfo::parse(join_lines(lines));
    ASSERT_TRUE(narinfo) << narinfo.error().to_string();
    EXPECT_EQ(narinfo->dialect(), Dialect::guix);
    EXPECT_FALSE(narinfo->guix_signature());
    EXPECT_FALSE(narinfo->guix_signed_bytes());
    EXPECT_FALSE(narinfo->files()[1].size);
}

TEST(ParseGuixNarinfo, is_unsigned_unless_the_signature_covers_what_matters) {
    for (const std::string_view key : {"StorePath", "NarHash", "References"}) {
        Lines lines = guix_lines();
        const auto moved = std::find_if(lines.begin(), lines.end(), [&](const std::string& line) {
            return line.starts_with(std::string(key) + ":");
        });
        const Lines text = and_line(without_line(lines, key), *moved);
        const auto narinfo = Narinfo::parse(join_lines(text));
        ASSERT_TRUE(narinfo) << narinfo.error().to_string();
        EXPECT_FALSE(narinfo->guix_signed_bytes()) << key;
        EXPECT_FALSE(narinfo->guix_signature()) << key;
    }
}

}  // namespace
}  // namespace narthex
