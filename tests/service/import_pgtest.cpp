// What an import takes and what it refuses.
#include "import_fixture.hpp"

#include "narthex/core/encoding.hpp"

#include <algorithm>

namespace narthex::service {
namespace {

using namespace test;

TEST_F(ImportTest, takes_both_dialects_byte_for_byte) {
    const auto report = import_stream({made_up_text(1, {2}), guix_text(2, {2, 3})});
    EXPECT_EQ(counts(report), (Words{"2", "0", "0", "0", "1"}));
    EXPECT_EQ(report.dangling, std::vector{path_hash(3)});
    EXPECT_EQ(text_of(1), made_up_text(1, {2}));
    EXPECT_EQ(text_of(2), guix_text(2, {2, 3}));
    EXPECT_FALSE(report.interrupted);
}

TEST_F(ImportTest, of_nothing_is_nothing) {
    EXPECT_EQ(counts(import({})), Words(5, "0"));
    EXPECT_TRUE(batches_.empty());
}

TEST_F(ImportTest, again_changes_nothing) {
    import_stream({made_up_text(1), made_up_text(2, {1})});
    EXPECT_EQ(
        counts(import_stream({made_up_text(1), made_up_text(2, {1})})),
        (Words{"0", "2", "0", "0", "0"})
    );
    EXPECT_EQ(ask("select count(*) from path"), "2");
}

TEST_F(ImportTest, refuses_bad_records_by_their_line_and_takes_those_around) {
    auto bad_size = made_up_text(3);
    bad_size.replace(bad_size.find("NarSize: "), 13, "NarSize: 0");
    auto lacking = made_up_text(4);
    lacking.erase(0, lacking.find("URL: "));
    const auto report = import_stream(
        {made_up_text(1), "\n\n" + bad_size, lacking, "nonsense\n", made_up_text(5), "x"}
    );
    EXPECT_EQ(counts(report), (Words{"2", "0", "0", "4", "0"}));
    // Each has eight lines and an empty one; three more empty ones stand before the second.
    ASSERT_EQ(rejections_.size(), 4U);
    EXPECT_TRUE(rejections_[0].starts_with("stream:18: NarSize ")) << rejections_[0];
    EXPECT_TRUE(rejections_[1].starts_with("stream:21: no StorePath line")) << rejections_[1];
    EXPECT_TRUE(rejections_[2].starts_with("stream:29: 'nonsense'")) << rejections_[2];
    EXPECT_TRUE(rejections_[3].starts_with("stream:40: ")) << rejections_[3];
    EXPECT_NE(rejections_[3].find("newline"), std::string::npos) << rejections_[3];
    EXPECT_EQ(text_of(5), made_up_text(5));
    EXPECT_EQ(ask("select count(*) from path"), "2");
}

TEST_F(ImportTest, refuses_what_is_too_large) {
    const std::string large = made_up_text(2) + std::string(k_max_narinfo_bytes, 'x') + "\n";
    EXPECT_EQ(counts(import_stream({made_up_text(1), large, made_up_text(3)}))[0], "2");
    expect_rejected("stream:10", "larger than 4194304 bytes");
    import({dir_.write("x.narinfo", large)});
    expect_rejected("x.narinfo:1", "larger than 4194304 bytes");
}

TEST_F(ImportTest, refuses_files_that_it_cannot_read_and_goes_on) {
    const auto report =
        import({"/nonexistent/x.narinfo", dir_.write("1.narinfo", made_up_text(1))});
    EXPECT_EQ(counts(report), (Words{"1", "0", "0", "1", "0"}));
    expect_rejected("x.narinfo:0", "can't be read: No such file or directory");
    EXPECT_EQ(
        counts(import({dir_.write("x.zst", made_up_text(2))})), (Words{"0", "0", "0", "1", "0"})
    );
    expect_rejected("x.zst:0", "bad zstd data");
}

TEST_F(ImportTest, searches_directories) {
    dir_.write("d/a.narinfo", made_up_text(1));
    dir_.write("d/b/c/d.narinfo", made_up_text(2, {1}));
    dir_.write("d/b/e.narinfo", "bad\n");
    dir_.write("d/nix-cache-info", "StoreDir: /nix/store\n");
    EXPECT_EQ(counts(import({(dir_.path() / "d").string()})), (Words{"2", "0", "0", "1", "0"}));
    expect_rejected("e.narinfo:1", "'bad'");
}

TEST_F(ImportTest, refuses_paths_of_another_store) {
    auto fields = made_up_fields(1);
    fields.store_path.store_dir = "/gnu/store";
    EXPECT_EQ(counts(import_stream({render_nix_narinfo(fields), made_up_text(2)}))[0], "1");
    expect_rejected("stream:1", "is of /gnu/store, but cache default holds /nix/store");
}

TEST_F(ImportTest, refuses_urls_that_it_could_not_serve) {
    for (const std::string url : {"x.nar.xz", "file/x", "nar/a/./b", "nar/%zz", "nar/"}) {
        auto fields = made_up_fields(1);
        fields.file.url = url;
        EXPECT_EQ(import_stream({render_nix_narinfo(fields)}).added, 0U) << url;
        expect_rejected("stream:1", "its URL " + url + " isn't below nar/");
    }
    auto fields = made_up_fields(1);
    fields.file.url = "https://cdn.example.org/x.nar.xz";
    EXPECT_EQ(import_stream({render_nix_narinfo(fields)}).added, 1U);
}

TEST_F(ImportTest, requires_a_signature_where_keys_are_trusted) {
    const auto key = SecretKey::generate("one");
    const auto other = SecretKey::generate("two");
    options_.trusted_keys = {{key.public_key()}, {}};
    const auto signed_by = [](int number, const std::vector<SecretKey>& keys) {
        auto fields = made_up_fields(number, {7});
        const auto message = made_up(number, {7}).fingerprint();
        for (const auto& each : keys) fields.signatures.push_back(each.sign(message));
        return render_nix_narinfo(fields);
    };
    EXPECT_EQ(import_stream({signed_by(1, {key})}).added, 1U);
    EXPECT_EQ(import_stream({signed_by(2, {other, key})}).added, 1U);
    EXPECT_EQ(import_stream({made_up_text(3)}).added, 0U);
    expect_rejected("stream:1", "has no Sig line, and trusted keys are required");
    EXPECT_EQ(import_stream({signed_by(3, {other})}).added, 0U);
    expect_rejected("stream:1", "no valid signature by a trusted key (signed by two)");
    EXPECT_EQ(import_stream({guix_text(3)}).added, 0U);
    expect_rejected("stream:1", "its Signature lacks data, sig-val or public-key");
    // The right name is not enough.
    EXPECT_EQ(import_stream({signed_by(3, {SecretKey::generate("one")})}).added, 0U);
    // A valid signature of other fields.
    auto text = signed_by(3, {key});
    text.replace(text.find("NarSize: 1003"), 13, "NarSize: 1004");
    EXPECT_EQ(import_stream({text}).added, 0U);
    // The cache's own keys count as well.
    options_.cache.trusted_keys = {other.public_key()};
    EXPECT_EQ(import_stream({signed_by(4, {other}), signed_by(5, {key})}).added, 2U);
    options_.trusted_keys = {};
    EXPECT_EQ(import_stream({signed_by(6, {other}), signed_by(8, {key})}).added, 1U);
}

TEST_F(ImportTest, finds_nars_in_both_layouts) {
    options_.nar_directory = NarDirectory::open(dir_.path()).value();
    dir_.write("nar/1.nar.xz", std::string(101, 'x'));
    dir_.write("2.nar.xz", std::string(102, 'x'));
    const auto base = path_name(3).to_string();
    dir_.write("nar/gzip/" + base, std::string(77, 'x'));
    dir_.write("zstd/" + base, std::string(77, 'x'));
    EXPECT_EQ(import_stream({made_up_text(1), made_up_text(2), guix_text(3)}).added, 3U);
    const auto at = dir_.path().string();
    EXPECT_EQ(file_of("nar/1.nar.xz"), at + "/nar/1.nar.xz");
    EXPECT_EQ(file_of("nar/2.nar.xz"), at + "/2.nar.xz");
    EXPECT_EQ(file_of("nar/gzip/" + base), at + "/nar/gzip/" + base);
    EXPECT_EQ(file_of("nar/zstd/" + base), at + "/zstd/" + base);
}

TEST_F(ImportTest, refuses_narinfos_whose_nar_is_missing_or_of_another_size) {
    options_.nar_directory = NarDirectory::open(dir_.path()).value();
    dir_.write("nar/1.nar.xz", "too short");
    dir_.write("nar/gzip/" + path_name(4).to_string(), std::string(77, 'x'));
    dir_.write("nar/3.nar.xz", std::string(103, 'x'));
    const auto report =
        import_stream({made_up_text(1), made_up_text(2), made_up_text(3), guix_text(4)});
    EXPECT_EQ(counts(report), (Words{"1", "0", "0", "3", "0"}));
    ASSERT_EQ(rejections_.size(), 3U);
    EXPECT_NE(rejections_[0].find("has 9 bytes, FileSize says 101"), std::string::npos);
    EXPECT_NE(rejections_[1].find("stream:10: its NAR nar/2.nar.xz is not in"), std::string::npos);
    EXPECT_NE(rejections_[2].find("stream:28: its NAR nar/zstd/"), std::string::npos);
    EXPECT_EQ(ask("select count(*) from nar"), "1");
}

TEST_F(ImportTest, refuses_narinfos_whose_nar_whoever_serves_cannot_read) {
    options_.nar_directory = NarDirectory::open(dir_.path()).value();
    const auto closed = dir_.write("nar/1.nar.xz", std::string(101, 'x'));
    dir_.write("2.nar.xz", std::string(102, 'x'));
    options_.why_unreadable = [&](const std::filesystem::path& file) {
        return std::string(file == closed ? "is closed" : "");
    };
    EXPECT_EQ(
        counts(import_stream({made_up_text(1), made_up_text(2)})), (Words{"1", "0", "0", "1", "0"})
    );
    expect_rejected("stream:1", "its NAR " + dir_.path().string() + "/nar/1.nar.xz is closed");
}

TEST_F(ImportTest, with_nars_later_tells_where_they_are) {
    import_stream({made_up_text(1)});
    EXPECT_EQ(file_of("nar/1.nar.xz"), "(nowhere)");
    options_.nar_directory = NarDirectory::open(dir_.path()).value();
    dir_.write("nar/1.nar.xz", std::string(101, 'x'));
    EXPECT_EQ(counts(import_stream({made_up_text(1)})), (Words{"0", "1", "0", "0", "0"}));
    EXPECT_EQ(file_of("nar/1.nar.xz"), dir_.path().string() + "/nar/1.nar.xz");
}

}  // namespace
}  // namespace narthex::service
