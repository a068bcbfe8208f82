// For tests of imports: a database and a directory of one's own.
#pragma once

#include "support/database.hpp"
#include "support/made_up.hpp"
#include "support/temp_dir.hpp"

#include "narthex/db/caches.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/import.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace narthex::service {

class ImportTest : public testing::Test {
  protected:
    using Words = std::vector<std::string>;

    ImportTest() {
        connection_.read([this](db::Tx& tx) { options_.cache = db::list_caches(tx).at(0); });
        events_.rejected = [this](const Rejection& rejection) {
            rejections_.push_back(
                file_name(rejection.file) + ":" + std::to_string(rejection.line) + ": " +
                rejection.reason
            );
        };
        events_.batch_stored = [this](const ImportReport& so_far) {
            batches_.push_back(so_far.added + so_far.present);
        };
    }

    // Imports; what is rejected is in rejections_, as "file:line: reason".
    ImportReport import(const Words& inputs) {
        rejections_.clear();
        batches_.clear();
        NarinfoSource source(inputs);
        return import_narinfos(database_.uri(), source, options_, events_);
    }

    ImportReport import_stream(const Words& texts) {
        return import({dir_.write("stream", join(texts))});
    }

    // "new present conflicts rejected" and how many dangle.
    static Words counts(const ImportReport& report) {
        return {
            std::to_string(report.added),
            std::to_string(report.present),
            std::to_string(report.conflicts),
            std::to_string(report.rejected),
            std::to_string(report.dangling.size()),
        };
    }

    static std::string join(const Words& texts) {
        std::string all;
        for (const auto& text : texts) all += (all.empty() ? "" : "\n") + text;
        return all;
    }

    static std::string file_name(const std::string& path) {
        return path.substr(path.rfind('/') + 1);
    }

    // The one rejection there is.
    void expect_rejected(const std::string& place, const std::string& words) {
        ASSERT_EQ(rejections_.size(), 1U) << testing::PrintToString(rejections_);
        EXPECT_TRUE(rejections_[0].starts_with(place + ": ")) << rejections_[0];
        EXPECT_NE(rejections_[0].find(words), std::string::npos) << rejections_[0];
    }

    // What is served; "(absent)" when nothing.
    std::string text_of(int number) {
        const std::vector keys{PathKey{options_.cache.id, test::path_hash(number)}};
        const auto found = lookups_.find_narinfos(keys).served;
        return found.empty() ? "(absent)" : found[0].text;
    }

    // Where the file of a URL is; "(nowhere)".
    std::string file_of(const std::string& url) {
        const std::vector keys{db::NarKey{options_.cache.id, url}};
        const auto found = lookups_.find_nar_files(keys);
        return found.empty() ? "(nowhere)" : found[0].file;
    }

    [[nodiscard]] std::string ask(const std::string& statement) const {
        return test::query(database_.uri(), statement);
    }

    test::TestDatabase database_;
    test::TempDir dir_;
    db::Connection connection_{database_.uri(), db::Session::publishing};
    db::LookupConnection lookups_{database_.uri()};
    ImportOptions options_;
    ImportEvents events_;
    Words rejections_;
    std::vector<std::uint64_t> batches_;  // so far done, after each
};

}  // namespace narthex::service
