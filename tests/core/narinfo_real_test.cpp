// Narinfos of cache.nixos.org, where the machine has them.
#include "narthex/core/narinfo.hpp"
#include "narthex/core/record_splitter.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace narthex {
namespace {

const char* const k_data = NARTHEX_SOURCE_DIR "/../shared/data/cache.nixos.org-489.narinfos.zst";

PublicKey nixos_key() {
    return PublicKey::parse("cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=")
        .value();
}

std::string decompress(const std::string& packed) {
    std::string text(16 << 20, '\0');
    const std::size_t size =
        ZSTD_decompress(text.data(), text.size(), packed.data(), packed.size());
    if (ZSTD_isError(size) != 0) throw std::runtime_error(ZSTD_getErrorName(size));
    text.resize(size);
    return text;
}

class RealNarinfos : public testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(k_data)) GTEST_SKIP() << "real narinfos not there: " << k_data;
        std::ifstream file(k_data, std::ios::binary);
        const std::string packed((std::istreambuf_iterator<char>(file)), {});
        RecordSplitter splitter([&](Record record) { texts_.push_back(std::move(record.text)); });
        splitter.feed(decompress(packed));
        splitter.finish();
    }

    std::vector<std::string> texts_;
};

TEST_F(RealNarinfos, all_parse_and_verify) {
    const std::vector<PublicKey> keys = {nixos_key()};
    EXPECT_EQ(texts_.size(), 489u);
    for (const std::string& text : texts_) {
        const auto narinfo = Narinfo::parse(text);
        ASSERT_TRUE(narinfo) << narinfo.error().to_string() << "\n" << text;
        EXPECT_TRUE(is_signed_by(*narinfo, keys)) << text;
        EXPECT_EQ(narinfo->text(), text);
    }
}

TEST_F(RealNarinfos, a_changed_byte_of_a_signed_field_never_verifies) {
    const std::vector<PublicKey> keys = {nixos_key()};
    for (const std::string& text : texts_) {
        for (const std::string_view key :
             {"StorePath: ", "NarHash: ", "NarSize: ", "References: ", "Sig: "}) {
            const std::size_t start = text.find(key) + key.size();
            const std::size_t end = text.find('\n', start);
            if (start == end) continue;
            std::string changed = text;
            char& byte = changed[(start + end) / 2];
            byte = byte == '1' ? '2' : '1';
            const auto narinfo = Narinfo::parse(changed);
            EXPECT_FALSE(narinfo && is_signed_by(*narinfo, keys)) << changed;
        }
    }
}

TEST_F(RealNarinfos, are_written_again_as_they_were) {
    for (const std::string& text : texts_) {
        const Narinfo narinfo = Narinfo::parse(text).value();
        // System is a line of older writers only.
        if (narinfo.system()) continue;
        const NarinfoFields fields{
            .store_path = narinfo.store_path(),
            .file = narinfo.files()[0],
            .nar_hash = narinfo.nar_hash(),
            .nar_size = narinfo.nar_size(),
            .references = narinfo.references(),
            .deriver = narinfo.deriver(),
            .signatures = narinfo.signatures(),
            .ca = narinfo.ca(),
        };
        EXPECT_EQ(render_nix_narinfo(fields), text);
    }
}

}  // namespace
}  // namespace narthex
