// For tests of what is stored: a database of one's own and questions to it.
#pragma once

#include "support/database.hpp"
#include "support/made_up.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/db/narinfos.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <vector>

namespace narthex::db {

class NarinfosTest : public testing::Test {
  protected:
    static constexpr int k_default = 1;  // the default cache

    using Batch = std::vector<Narinfo>;

    // Stores without places.
    StoreReport store(const Batch& batch, int cache = k_default) {
        std::vector<StoredNarinfo> rows;
        for (const auto& narinfo : batch) {
            rows.push_back({&narinfo, std::vector<std::optional<NarPlace>>(narinfo.files().size())}
            );
        }
        return store_rows(rows, cache);
    }

    // Each file of each narinfo at nar_path in `directory`.
    StoreReport store_at(const std::string& directory, const Batch& batch) {
        std::vector<StoredNarinfo> rows;
        int site = 0;
        connection_.write([&](Tx& tx) { site = find_or_insert_nar_directory(tx, directory); });
        for (const auto& narinfo : batch) {
            rows.push_back({&narinfo, {}});
            for (const auto& file : narinfo.files()) {
                rows.back().places.emplace_back(NarPlace{site, file.url});
            }
        }
        return store_rows(rows, k_default);
    }

    StoreReport store_rows(std::span<const StoredNarinfo> rows, int cache) {
        StoreReport report;
        connection_.write([&](Tx& tx) { report = store_narinfos(tx, cache, rows); });
        return report;
    }

    // What is served for a path; "(absent)" or "(hidden)" when it isn't.
    std::string text_of(int number, int cache = k_default) {
        const std::vector keys{PathKey{cache, test::path_hash(number)}};
        const auto [found, hidden] = lookups_.find_narinfos(keys);
        if (found.empty()) return hidden.empty() ? "(absent)" : "(hidden)";
        EXPECT_EQ(found.size(), 1U);
        EXPECT_EQ(found[0].asked, 0U);
        return found[0].text;
    }

    std::vector<std::string> files_of(const std::vector<std::string>& urls, int cache = k_default) {
        std::vector<NarKey> keys;
        for (const auto& url : urls) keys.push_back({cache, url});
        std::vector<std::string> files;
        for (const auto& each : lookups_.find_nar_files(keys)) {
            files.push_back(urls[each.asked] + " " + each.file);
        }
        return files;
    }

    std::vector<HashPart> dangling(const StoreReport& report) {
        std::vector<HashPart> found;
        connection_.read([&](Tx& tx) { found = find_dangling(tx, report.dangling_ids); });
        return found;
    }

    [[nodiscard]] std::string ask(const std::string& statement) const {
        return test::query(database_.uri(), statement);
    }

    [[nodiscard]] long number(const std::string& statement) const {
        return std::stol(ask(statement));
    }

    static std::string hex(int number) {
        return "'\\x" + to_hex(test::path_hash(number).bytes()) + "'";
    }

    [[nodiscard]] long id_of(int path, int cache = k_default) const {
        return number(
            "select coalesce((select id from path where cache = " + std::to_string(cache) +
            " and hash = " + hex(path) + "), 0)"
        );
    }

    // The graph's row of a path, by hash parts in hex.
    [[nodiscard]] std::string references_of(int path, int cache = k_default) const {
        return ask(
            "select coalesce(string_agg(encode(p.hash, 'hex'), ' ' order by r.ord), '')"
            " from graph g, unnest(g.refs) with ordinality r (id, ord) join path p using (id)"
            " where g.id = " +
            std::to_string(id_of(path, cache))
        );
    }

    static std::string hex_list(const std::vector<int>& numbers) {
        std::string out;
        for (const int each : numbers) {
            out += (out.empty() ? "" : " ") + to_hex(test::path_hash(each).bytes());
        }
        return out;
    }

    // How many rows there are, by table.
    [[nodiscard]] std::string row_counts() const {
        return ask(
            "select format('narinfo %s nar %s link %s location %s path %s graph %s',"
            " (select count(*) from narinfo), (select count(*) from nar),"
            " (select count(*) from narinfo_nar), (select count(*) from nar_location),"
            " (select count(*) from path), (select count(*) from graph))"
        );
    }

    // How many path ids were handed out.
    [[nodiscard]] long ids_used() const {
        return number("select case when is_called then last_value else 0 end from path_id");
    }

    int make_cache(const std::string& name) {
        Cache cache;
        cache.name = name;
        cache.store_dir = "/nix/store";
        int id = 0;
        connection_.write([&](Tx& tx) { id = insert_cache(tx, cache).value(); });
        return id;
    }

    test::TestDatabase database_;
    Connection connection_{database_.uri(), Session::publishing};
    LookupConnection lookups_{database_.uri()};
};

}  // namespace narthex::db
