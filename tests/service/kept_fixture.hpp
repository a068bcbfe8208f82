// A full region's database and its directory of NARs: made-up paths that are served, hidden or
// purged there (support/made_up.hpp). The NAR of path n has 100 + n bytes.
#pragma once

#include "support/database.hpp"
#include "support/made_up.hpp"
#include "support/region_database.hpp"
#include "support/temp_dir.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/path_key.hpp"
#include "narthex/service/kept_nars.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace narthex::test {

class KeptTest : public testing::Test {
  protected:
    static constexpr int k_days = 30;

    static PathKey key_of(int number) { return {1, path_hash(number)}; }
    static std::string sql_hash(int number) {
        return "'\\x" + to_hex(path_hash(number).bytes()) + "'";
    }

    void apply(const std::string& statements) { test::apply(db_.uri(), statements); }

    void serve(int number, const std::vector<int>& references = {}) {
        apply(
            "insert into narinfo (cache, hash, name, text, nar_hash, nar_size) values (1, " +
            sql_hash(number) + ", 'x', '" + made_up_text(number, references) + "', sha256(''), 1)"
        );
    }
    void hide(int number, const std::vector<int>& references = {}) {
        serve(number, references);
        apply(
            "insert into hide_batch (id, active, reason) overriding system value"
            " values (1, true, 'test') on conflict do nothing;"
            " insert into hidden values (1, " +
            sql_hash(number) + ", 1)"
        );
    }
    void purge(int number, const std::vector<int>& references = {}, int days_ago = 1) {
        archive(number, made_up_text(number, references), days_ago);
    }
    void archive(int number, const std::string& text, int days_ago = 1) {
        apply(
            "insert into purged_narinfo"
            " (cache, hash, purged_at, plan, name, text, nar_hash, nar_size, first_seen)"
            " values (1, " +
            sql_hash(number) + ", now() - interval '" + std::to_string(days_ago) +
            " days', 1, 'x', '" + text + "', sha256(''), 1, now())"
        );
    }

    static std::string url_of(int number) { return "nar/" + std::to_string(number) + ".nar.xz"; }
    void keep_nar(int number) {
        (void)temp_.write(
            "default/" + url_of(number), std::string(100 + static_cast<std::size_t>(number), 'x')
        );
    }
    // Where its row says: at the primary.
    void place_nar(int number) {
        apply(
            "insert into site (id, kind, base) overriding system value values (1, 'file', '/nars')"
            " on conflict do nothing;"
            " insert into nar (id, cache, url, compression) overriding system value values (" +
            std::to_string(number) + ", 1, '" + url_of(number) +
            "', 'xz');"
            " insert into nar_location (nar, site, path) values (" +
            std::to_string(number) + ", 1, 'x')"
        );
    }

    TestDatabase db_;
    TempDir temp_;
    service::KeptNars kept_{temp_.path().string()};
};

}  // namespace narthex::test
