#include "support/database.hpp"
#include "support/made_up.hpp"
#include "support/temp_dir.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/core/nar_url.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/publish.hpp"
#include "narthex/service/upload_sweep.hpp"

#include <gtest/gtest.h>

#include <future>
#include <string>

namespace narthex::service {
namespace {

using namespace test;
using std::chrono::seconds;

class PublishTest : public testing::Test {
  protected:
    PublishTest() {
        connection_.write([this](db::Tx& tx) {
            cache_ = db::list_caches(tx).at(0);
            site_ = db::find_or_insert_nar_directory(tx, directory_.base());
        });
        keys_.trusted.push_back(client_.public_key());
    }

    // The NARs of a made-up narinfo, as if they had been uploaded.
    void upload(const Narinfo& narinfo) {
        for (const auto& file : narinfo.files()) {
            auto incoming = directory_.receive();
            incoming->write(file.url);
            const auto path = incoming->place(incoming->hash());
            incoming->commit();
            connection_.write([&](db::Tx& tx) {
                const db::UploadedNar nar{
                    cache_.id, *nar_path(file.url), *file.hash, *file.size, site_, path};
                EXPECT_EQ(db::store_nar(tx, nar), db::NarFate::added);
            });
        }
    }

    Narinfo signed_by_client(int number, const std::vector<int>& references = {}) {
        auto fields = made_up_fields(number, references);
        const auto print =
            fingerprint(fields.store_path, fields.nar_hash, fields.nar_size, fields.references);
        fields.signatures = {client_.sign(print)};
        return Narinfo::parse(render_nix_narinfo(fields)).value();
    }

    Published publish(const Narinfo& narinfo) {
        Published published{};
        connection_.write([&](db::Tx& tx) {
            published = publish_narinfo(tx, cache_, keys_, narinfo);
        });
        return published;
    }

    Narinfo served(int number) {
        std::optional<db::NarinfoInPlace> found;
        connection_.read([&](db::Tx& tx) {
            found = db::find_stored_narinfo(tx, {cache_.id, path_hash(number)});
        });
        return Narinfo::parse(found.value().text).value();
    }

    SweepReport sweep(seconds age) {
        return sweep_uploads(connection_, directory_, age, seconds(0));
    }

    TestDatabase database_;
    TempDir dir_;
    UploadDirectory directory_{dir_.path().string()};
    db::Connection connection_{database_.uri(), db::Session::publishing};
    SecretKey client_ = SecretKey::generate("client-1");
    PublishKeys keys_;
    Cache cache_;
    int site_ = 0;
};

TEST_F(PublishTest, closes_the_graph_step_by_step) {
    const auto top = signed_by_client(2, {1, 2});
    const auto bottom = signed_by_client(1);
    EXPECT_EQ(publish(top).verdict, Verdict::incomplete);  // no NAR
    upload(top);
    upload(bottom);
    const auto gap = publish(top);
    EXPECT_EQ(gap.verdict, Verdict::incomplete);
    EXPECT_NE(gap.reason.find(path_name(1).to_string()), std::string::npos) << gap.reason;
    EXPECT_EQ(publish(bottom).verdict, Verdict::added);
    EXPECT_EQ(publish(top).verdict, Verdict::added);
    EXPECT_EQ(publish(top).verdict, Verdict::present);
    EXPECT_EQ(query(database_.uri(), "select compression from nar limit 1"), "xz");
}

TEST_F(PublishTest, trusts_the_keys_of_the_server_and_of_the_cache_and_no_others) {
    const auto narinfo = signed_by_client(1);
    upload(narinfo);
    keys_.trusted.clear();
    EXPECT_EQ(publish(narinfo).verdict, Verdict::not_trusted);
    cache_.trusted_keys = {SecretKey::generate("other-1").public_key()};
    const auto refused = publish(narinfo);
    EXPECT_EQ(refused.verdict, Verdict::not_trusted);
    EXPECT_NE(refused.reason.find("client-1"), std::string::npos) << refused.reason;
    cache_.trusted_keys.push_back(client_.public_key());
    EXPECT_EQ(publish(narinfo).verdict, Verdict::added);
}

TEST_F(PublishTest, signs_with_every_key_and_adds_those_of_later) {
    cache_.sign_uploads = true;
    keys_.signing = {SecretKey::generate("server-1"), SecretKey::generate("server-2")};
    const auto narinfo = made_up(1);
    upload(narinfo);
    EXPECT_EQ(publish(narinfo).verdict, Verdict::added);
    for (const auto& key : keys_.signing) {
        const auto known = key.public_key();
        EXPECT_TRUE(is_signed_by(served(1), std::span(&known, 1))) << known.name;
    }
    const auto before = served(1).signatures().size();
    keys_.signing.push_back(SecretKey::generate("server-3"));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(publish(narinfo).verdict, Verdict::present);
    EXPECT_EQ(served(1).signatures().size(), before + 1);
}

TEST_F(PublishTest, serves_a_hidden_path_again) {
    const auto narinfo = signed_by_client(1);
    upload(narinfo);
    EXPECT_EQ(publish(narinfo).verdict, Verdict::added);
    execute(
        database_.uri(),
        "insert into hide_batch (active, reason) values (true, 'test');"
        "insert into hidden select cache, hash, 1 from narinfo"
    );
    EXPECT_EQ(publish(narinfo).verdict, Verdict::present);
    EXPECT_EQ(query(database_.uri(), "select count(*) from hidden"), "0");
    EXPECT_EQ(
        query(database_.uri(), "select string_agg(kind, ' ' order by id) from change"),
        "published restored published"
    );
}

TEST_F(PublishTest, serves_hidden_references_again_with_all_that_they_need) {
    for (const auto& narinfo : {signed_by_client(1), signed_by_client(2, {1})}) {
        upload(narinfo);
        EXPECT_EQ(publish(narinfo).verdict, Verdict::added);
    }
    execute(
        database_.uri(),
        "insert into hide_batch (active, reason) values (true, 'test');"
        "insert into hidden select cache, hash, 1 from narinfo"
    );
    const auto referrer = signed_by_client(3, {2});
    EXPECT_EQ(publish(referrer).verdict, Verdict::incomplete);  // no NAR
    EXPECT_EQ(query(database_.uri(), "select count(*) from hidden"), "2");
    upload(referrer);
    EXPECT_EQ(publish(referrer).verdict, Verdict::added);
    EXPECT_EQ(query(database_.uri(), "select count(*) from hidden"), "0");
}

TEST_F(PublishTest, refuses_what_needs_something_purged_since) {
    for (const auto& narinfo : {signed_by_client(1), signed_by_client(2, {1})}) {
        upload(narinfo);
        EXPECT_EQ(publish(narinfo).verdict, Verdict::added);
    }
    const auto one = "'\\x" + to_hex(path_hash(1).bytes()) + "'";
    execute(
        database_.uri(),
        "insert into hide_batch (active, reason) values (true, 'test');"
        "insert into hidden select cache, hash, 1 from narinfo;"
        "insert into purged_narinfo select cache, hash, now() + interval '1 s', 1, name, text, "
        "nar_hash, nar_size, first_seen from narinfo where hash = " +
            one + "; delete from graph where id = (select id from path where hash = " + one +
            "); delete from narinfo where hash = " + one +
            "; delete from hidden where hash = " + one
    );
    const auto referrer = signed_by_client(3, {2});
    upload(referrer);
    const auto refused = publish(referrer);
    EXPECT_EQ(refused.verdict, Verdict::incomplete);
    EXPECT_NE(refused.reason.find(path_hash(1).to_string()), std::string::npos) << refused.reason;
    EXPECT_EQ(query(database_.uri(), "select count(*) from hidden"), "1");
    EXPECT_EQ(publish(signed_by_client(1)).verdict, Verdict::added);
    EXPECT_EQ(publish(referrer).verdict, Verdict::added);
}

TEST_F(PublishTest, is_swept_unless_a_narinfo_names_it) {
    const auto named = signed_by_client(1);
    const auto orphan = signed_by_client(2);
    upload(named);
    upload(orphan);
    EXPECT_EQ(publish(named).verdict, Verdict::added);
    EXPECT_EQ(sweep(seconds(3600)).condemned, 0);
    execute(database_.uri(), "update upload set uploaded_at = now() - interval '2 hours'");
    const auto report = sweep(seconds(3600));
    EXPECT_EQ(report.condemned, 1);
    EXPECT_EQ(report.removed, 1);
    EXPECT_EQ(query(database_.uri(), "select string_agg(url, ' ') from nar"), named.files()[0].url);
    EXPECT_EQ(query(database_.uri(), "select count(*) from upload"), "0");
    EXPECT_EQ(query(database_.uri(), "select count(*) from condemned_nar"), "0");
    EXPECT_EQ(publish(orphan).verdict, Verdict::incomplete);
}

TEST_F(PublishTest, is_not_swept_while_somebody_publishes_what_names_it) {
    const auto narinfo = signed_by_client(1);
    upload(narinfo);
    execute(database_.uri(), "update upload set uploaded_at = now() - interval '2 hours'");
    std::future<SweepReport> sweeping;
    connection_.write([&](db::Tx& tx) {
        EXPECT_EQ(publish_narinfo(tx, cache_, keys_, narinfo).verdict, Verdict::added);
        sweeping = std::async(std::launch::async, [this] {
            db::Connection other(database_.uri(), db::Session::publishing);
            return sweep_uploads(other, directory_, seconds(3600), seconds(0));
        });
        const auto waits =
            "select count(*) from pg_locks where locktype = 'advisory' and not granted";
        while (query(database_.uri(), waits) == "0") {
            if (sweeping.wait_for(seconds(0)) == std::future_status::ready) return;
        }
    });
    EXPECT_EQ(sweeping.get().condemned, 0);
    EXPECT_EQ(query(database_.uri(), "select count(*) from nar_location"), "1");
}

}  // namespace
}  // namespace narthex::service
