#include "narthex/core/narinfo.hpp"

#include "generators.hpp"
#include "narinfo_sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace narthex {
namespace {

using namespace test;

Narinfo parsed(const Lines& lines) {
    auto narinfo = Narinfo::parse(join_lines(lines));
    EXPECT_TRUE(narinfo) << narinfo.error().to_string();
    return std::move(narinfo).value();
}

TEST(ParseNarinfo, reads_every_field_of_a_nix_narinfo) {
    const Narinfo narinfo =
        parsed(and_line(and_line(nix_lines(), "System: x86_64-linux"), "X-Y: z"));
    EXPECT_EQ(narinfo.dialect(), Dialect::nix);
    EXPECT_EQ(narinfo.store_path().to_string(), "/nix/store/" + k_path_hash + "-sample-1.0");
    EXPECT_EQ(narinfo.nar_hash().to_nix(), "sha256:" + k_nar_hash);
    EXPECT_EQ(narinfo.nar_size(), 226552u);
    ASSERT_EQ(narinfo.references().size(), 2u);
    EXPECT_EQ(narinfo.references()[0].to_string(), k_reference_a);
    EXPECT_EQ(narinfo.references()[1].to_string(), k_reference_b);
    const NarFile file{"nar/" + k_nar_hash + ".nar.xz", "xz", Sha256::of("abc"), 50};
    EXPECT_EQ(narinfo.files(), std::vector{file});
    EXPECT_EQ(narinfo.deriver(), k_path_hash + "-sample-1.0.drv");
    EXPECT_EQ(narinfo.system(), "x86_64-linux");
    EXPECT_FALSE(narinfo.ca());
    ASSERT_EQ(narinfo.signatures().size(), 1u);
    EXPECT_EQ(narinfo.signatures()[0].to_string(), sample_sig());
    EXPECT_FALSE(narinfo.guix_signature());
    EXPECT_FALSE(narinfo.guix_signed_bytes());
}

TEST(ParseNarinfo, keeps_the_text_byte_for_byte) {
    for (const Lines& lines : {nix_lines(), guix_lines()}) {
        EXPECT_EQ(parsed(lines).text(), join_lines(lines));
    }
}

TEST(ParseNarinfo, accepts_the_lines_in_any_order) {
    EXPECT_TRUE(rc::check("the order of a Nix narinfo's lines doesn't matter", [] {
        Lines lines = nix_lines();
        for (std::size_t i = lines.size(); i > 1; --i) {
            std::swap(lines[i - 1], lines[*rc::gen::inRange<std::size_t>(0, i)]);
        }
        const auto narinfo = Narinfo::parse(join_lines(lines));
        RC_ASSERT(narinfo.has_value());
        RC_ASSERT(narinfo->fingerprint() == parsed(nix_lines()).fingerprint());
    }));
}

TEST(ParseNarinfo, missing_or_empty_compression_means_bzip2) {
    EXPECT_EQ(parsed(without_line(nix_lines(), "Compression")).files()[0].compression, "bzip2");
    EXPECT_EQ(
        parsed(with_line(nix_lines(), "Compression", "Compression: ")).files()[0].compression,
        "bzip2"
    );
}

TEST(ParseNarinfo, accepts_every_compression_that_nix_knows) {
    for (const std::string name :
         {"none",
          "br",
          "bzip2",
          "compress",
          "grzip",
          "gzip",
          "lrzip",
          "lz4",
          "lzip",
          "lzma",
          "lzop",
          "xz",
          "zstd"}) {
        const Lines lines = with_line(nix_lines(), "Compression", "Compression: " + name);
        EXPECT_EQ(parsed(lines).files()[0].compression, name);
    }
}

TEST(ParseNarinfo, file_hash_and_size_are_optional) {
    const Lines lines = without_line(without_line(nix_lines(), "FileHash"), "FileSize");
    EXPECT_FALSE(parsed(lines).files()[0].hash);
    EXPECT_FALSE(parsed(lines).files()[0].size);
}

TEST(ParseNarinfo, unknown_deriver_and_empty_ca_mean_none) {
    EXPECT_FALSE(parsed(without_line(nix_lines(), "Deriver")).deriver());
    EXPECT_FALSE(parsed(with_line(nix_lines(), "Deriver", "Deriver: unknown-deriver")).deriver());
    EXPECT_FALSE(parsed(and_line(nix_lines(), "CA: ")).ca());
    EXPECT_FALSE(parsed(and_line(nix_lines(), "System: ")).system());
}

TEST(ParseNarinfo, accepts_what_a_deriver_may_be) {
    const std::string deriver = k_path_hash + "-not-a-derivation";
    EXPECT_EQ(parsed(with_line(nix_lines(), "Deriver", "Deriver: " + deriver)).deriver(), deriver);
}

TEST(ParseNarinfo, references_may_be_none_far_apart_or_repeated) {
    const auto references = [](const std::string& value) {
        return parsed(with_line(nix_lines(), "References", "References: " + value)).references();
    };
    EXPECT_TRUE(references("").empty());
    EXPECT_EQ(references(k_reference_b + "   " + k_reference_a + " ").size(), 2u);
    const auto repeated = references(k_reference_b + " " + k_reference_a + " " + k_reference_b);
    ASSERT_EQ(repeated.size(), 2u);
    EXPECT_EQ(repeated[0].to_string(), k_reference_b);
    EXPECT_EQ(repeated[1].to_string(), k_reference_a);
}

TEST(ParseNarinfo, accepts_every_spelling_of_a_hash) {
    for (const std::string hash :
         {"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
          "sha256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
          "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="}) {
        const Lines lines = with_line(nix_lines(), "NarHash", "NarHash: " + hash);
        EXPECT_EQ(parsed(lines).fingerprint(), parsed(nix_lines()).fingerprint());
    }
}

TEST(ParseNarinfo, accepts_urls_that_clients_can_follow) {
    for (const std::string url :
         {"nar/a.nar",
          "a",
          "nar/a?b=c&d=/../e",
          "http://h/a",
          "https://h:8080/a?b",
          "nar/a..b/c",
          "nar/x:y",
          "./a",
          "nar/%25",
          "nar/\xc3\xa9"}) {
        EXPECT_EQ(parsed(with_line(nix_lines(), "URL", "URL: " + url)).files()[0].url, url);
    }
}

TEST(ParseNarinfo, accepts_content_addresses) {
    for (const std::string& ca :
         {"text:sha256:" + k_nar_hash,
          "fixed:sha256:" + k_nar_hash,
          "fixed:r:sha256:" + k_nar_hash,
          "fixed:git:sha1:" + std::string(40, 'a'),
          "fixed:md5:" + std::string(32, '0'),
          "fixed:r:sha512:" + to_base64(Bytes(64, 3)),
          "fixed:blake3:" + k_nar_hash}) {
        EXPECT_EQ(parsed(and_line(nix_lines(), "CA: " + ca)).ca(), ca);
    }
}

TEST(ParseNarinfo, largest_size_is_four_mebibytes) {
    const auto of_size = [](std::size_t size) {
        const std::string text = join_lines(nix_lines());
        return text + "X: " + std::string(size - text.size() - 4, 'x') + "\n";
    };
    EXPECT_TRUE(Narinfo::parse(of_size(k_max_narinfo_bytes)));
    EXPECT_EQ(Narinfo::parse(of_size(k_max_narinfo_bytes + 1)).error().line, 0u);
}

TEST(ParseNarinfo, is_linear_in_the_number_of_references) {
    std::string text = join_lines(without_line(nix_lines(), "References")) + "References:";
    while (text.size() + 40 < k_max_narinfo_bytes)
        text.append(" ").append(k_path_hash).append("-a");
    const auto narinfo = Narinfo::parse(text + "\n");
    ASSERT_TRUE(narinfo) << narinfo.error().to_string();
    EXPECT_EQ(narinfo->references().size(), 1u);
}

TEST(ParseError, names_its_line_unless_it_is_about_the_whole) {
    EXPECT_EQ((ParseError{3, "x"}).to_string(), "line 3: x");
    EXPECT_EQ((ParseError{0, "x"}).to_string(), "x");
}

TEST(Fingerprint, is_what_nix_signs) {
    EXPECT_EQ(
        parsed(nix_lines()).fingerprint(),
        "1;/nix/store/" + k_path_hash + "-sample-1.0;sha256:" + k_nar_hash + ";226552;/nix/store/" +
            k_reference_b + ",/nix/store/" + k_reference_a
    );
    EXPECT_TRUE(parsed(with_line(nix_lines(), "References", "References: "))
                    .fingerprint()
                    .ends_with(";226552;"));
}

TEST(Fingerprint, sorts_references_as_texts) {
    EXPECT_TRUE(rc::check("references sorted by base name, each once", [] {
        const NarinfoFields fields = pick_fields();
        std::vector<std::string> paths;
        for (const auto& name : fields.references)
            paths.push_back("/nix/store/" + name.to_string());
        std::sort(paths.begin(), paths.end());
        std::string joined;
        for (const auto& path : paths) joined += (joined.empty() ? "" : ",") + path;
        auto doubled = fields.references;
        doubled.insert(doubled.end(), fields.references.begin(), fields.references.end());
        const std::string text =
            fingerprint(fields.store_path, fields.nar_hash, fields.nar_size, doubled);
        RC_ASSERT(text.substr(text.rfind(';') + 1) == joined);
    }));
}

TEST(RenderNarinfo, writes_the_lines_in_the_order_of_nix) {
    const NarinfoFields fields{
        .store_path = StorePath::parse("/nix/store/" + k_path_hash + "-sample-1.0").value(),
        .file = {"nar/" + k_nar_hash + ".nar.xz", "xz", Sha256::of("abc"), 50},
        .nar_hash = Sha256::of("abc"),
        .nar_size = 226552,
        .references =
            {BaseName::parse(k_reference_a).value(), BaseName::parse(k_reference_b).value()},
        .deriver = k_path_hash + "-sample-1.0.drv",
        .signatures = {Signature::parse(sample_sig()).value()},
        .ca = "text:sha256:" + k_nar_hash,
    };
    EXPECT_EQ(
        render_nix_narinfo(fields), join_lines(and_line(nix_lines(), "CA: " + fields.ca.value()))
    );
}

TEST(RenderNarinfo, is_read_back_as_it_was) {
    EXPECT_TRUE(rc::check("narinfo round trip", [] {
        NarinfoFields fields = pick_fields();
        const SecretKey key = SecretKey::generate("k");
        fields.signatures = {key.sign(
            fingerprint(fields.store_path, fields.nar_hash, fields.nar_size, fields.references)
        )};
        const auto narinfo = Narinfo::parse(render_nix_narinfo(fields));
        RC_ASSERT(narinfo.has_value());
        RC_ASSERT(narinfo->store_path() == fields.store_path);
        RC_ASSERT(narinfo->nar_hash() == fields.nar_hash);
        RC_ASSERT(narinfo->nar_size() == fields.nar_size);
        RC_ASSERT(narinfo->references() == fields.references);
        RC_ASSERT(narinfo->files() == std::vector{fields.file});
        RC_ASSERT(narinfo->deriver() == fields.deriver);
        RC_ASSERT(narinfo->signatures() == fields.signatures);
        RC_ASSERT(is_signed_by(*narinfo, std::vector{key.public_key()}));
    }));
}

TEST(IsSignedBy, fails_when_a_bit_of_a_signed_field_flips) {
    const SecretKey key = SecretKey::generate("k");
    EXPECT_TRUE(rc::check("no bit of the fingerprint may change", [&] {
        NarinfoFields fields = pick_fields();
        const std::string signed_text =
            fingerprint(fields.store_path, fields.nar_hash, fields.nar_size, fields.references);
        fields.signatures = {key.sign(signed_text)};
        const std::string text = render_nix_narinfo(fields);
        const auto field = *rc::gen::element<std::string>(
            "StorePath: ", "NarHash: ", "NarSize: ", "References: ", "Sig: "
        );
        const std::size_t start = text.find(field) + field.size();
        const std::size_t end = text.find('\n', start);
        RC_PRE(start < end);
        std::string changed = text;
        changed[*rc::gen::inRange(start, end)] ^= static_cast<char>(1 << *rc::gen::inRange(0, 8));
        const auto narinfo = Narinfo::parse(changed);
        const bool verifies = narinfo && is_signed_by(*narinfo, std::vector{key.public_key()});
        RC_ASSERT(!verifies);
    }));
}

}  // namespace
}  // namespace narthex
