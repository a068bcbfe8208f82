// For tests of collections: narinfos 1 to 6, which refer to each other, and plans made by hand.
#pragma once

#include "support/database.hpp"
#include "support/made_up.hpp"
#include "support/temp_dir.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/db/changes.hpp"
#include "narthex/db/collecting.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/rescue.hpp"
#include "narthex/db/sql.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/hide.hpp"
#include "narthex/service/purge.hpp"
#include "narthex/service/restore.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace narthex::service {

// What a kill does to a command, thrown where it says how far it has come.
class Killed : public std::runtime_error {
  public:
    Killed() : std::runtime_error("killed") {}
};

class CollectTest : public testing::Test {
  protected:
    using Numbers = std::vector<int>;

    static constexpr int k_cache = 1;

    // 4 -> 3 -> 2 -> 1, 6 -> 5 -> 1; all but 1 refer to themselves, too. Each has its NAR in a
    // file.
    CollectTest() {
        publish({test::made_up(1), test::made_up(2, {1, 2}), test::made_up(3, {2, 3})});
        publish({test::made_up(4, {3, 4}), test::made_up(5, {1, 5}), test::made_up(6, {5, 6})});
    }

    // As an import does, with files of NARs.
    void publish(const std::vector<Narinfo>& narinfos) {
        connection_.write([&](db::Tx& tx) {
            const int site = db::find_or_insert_nar_directory(tx, nars_.path().string());
            std::vector<db::StoredNarinfo> rows;
            std::vector<HashPart> named;
            for (const auto& narinfo : narinfos) {
                rows.push_back({&narinfo, {}});
                named.push_back(narinfo.store_path().base.hash);
                for (const auto& each : narinfo.references()) named.push_back(each.hash);
                for (const auto& file : narinfo.files()) {
                    rows.back().places.emplace_back(db::NarPlace{site, file.url});
                }
            }
            static_cast<void>(db::store_narinfos(tx, k_cache, rows));
            db::rescue_whole(tx, k_cache, named);
            db::add_change(tx, db::ChangeKind::published, k_cache, named);
        });
        for (const auto& narinfo : narinfos) {
            for (const auto& file : narinfo.files()) nars_.write(file.url, "a NAR");
        }
    }

    int plan(const Numbers& paths, const std::string& interlocks = "[]") {
        const auto id = std::stoi(ask(fmt::format(
            "insert into plan (cache, created_by, engine, policy, roots, summary) values (1, "
            "'test', "
            "'sql', '{{\"requested_within_seconds\": 7776000}}', (select coalesce(array_agg(id), "
            "'{{}}') from root), '{{\"paths\": {}, \"nar_size\": 0, \"interlocks\": {}}}') "
            "returning id",
            paths.size(),
            interlocks
        )));
        for (const int path : paths) {
            run(fmt::format(
                "insert into plan_path select {}, id, 0 from path where hash = {}", id, hex(path)
            ));
        }
        return id;
    }

    Result<HideReport> hide(int plan, std::set<std::string> forced = {}) {
        db::Connection connection(database_.uri(), db::Session::publishing);
        HideOptions options;
        options.plan = plan;
        options.who = "test";
        options.forced = std::move(forced);
        options.region_limit = std::chrono::seconds(1);
        return hide_plan(connection, options, events_);
    }

    Result<RestoreReport> restore(int plan) {
        db::Connection connection(database_.uri(), db::Session::publishing);
        db::Connection work(database_.uri(), db::Session::work);
        return restore_plan(connection, work, plan, "test", events_);
    }

    Result<PurgeReport> purge(std::optional<int> plan = std::nullopt) {
        db::Connection connection(database_.uri(), db::Session::publishing);
        db::Connection work(database_.uri(), db::Session::work);
        purge_.cache = k_cache;
        purge_.plan = plan;
        purge_.who = "test";
        return purge_plans(connection, work, purge_, events_);
    }

    void lease(int path) {
        connection_.write([&](db::Tx& tx) {
            db::share_publishing(tx);
            const auto hash = test::path_hash(path);
            db::rescue(tx, k_cache, std::span(&hash, 1));
        });
        run(fmt::format("insert into lease values (1, {}, now() + interval '1 hour')", hex(path)));
    }

    // Throws Killed when the work has come there for the n-th time.
    void kill_at(const std::string& phase, int times = 1) {
        events_.progress = [phase, times](const CollectProgress& progress) mutable {
            if (progress.phase == phase && --times == 0) throw Killed();
        };
    }
    // Does something when the work has come there first.
    void at(const std::string& phase, std::function<void()> deed) {
        events_.progress = [phase,
                            deed = std::move(deed)](const CollectProgress& progress) mutable {
            if (progress.phase == phase && deed) std::exchange(deed, nullptr)();
        };
    }

    [[nodiscard]] Numbers served() const {
        Numbers out;
        for (int path = 1; path <= 9; ++path) {
            const auto count = ask(fmt::format(
                "select count(*) from narinfo n where hash = {} and not exists (select from hidden "
                "h "
                "join hide_batch b on b.id = h.batch where h.hash = n.hash and b.active)",
                hex(path)
            ));
            if (count == "1") out.push_back(path);
        }
        return out;
    }

    // References of served narinfos that aren't served.
    [[nodiscard]] std::string violations() const {
        return ask(fmt::format("select count(*) from ({}) v", db::sql::unserved_references.text));
    }

    [[nodiscard]] std::string state(int plan) const {
        return ask(fmt::format("select state from plan where id = {}", plan));
    }
    [[nodiscard]] std::string ask(const std::string& statement) const {
        return test::query(database_.uri(), statement);
    }
    void run(const std::string& statements) const { test::execute(database_.uri(), statements); }
    static std::string hex(int path) {
        return "'\\x" + to_hex(test::path_hash(path).bytes()) + "'";
    }
    [[nodiscard]] bool has_file(int path) const {
        return std::filesystem::exists(nars_.path() / test::made_up(path).files()[0].url);
    }

    test::TestDatabase database_;
    test::TempDir nars_;
    db::Connection connection_{database_.uri(), db::Session::publishing};
    CollectEvents events_;
    PurgeOptions purge_;
};

}  // namespace narthex::service
