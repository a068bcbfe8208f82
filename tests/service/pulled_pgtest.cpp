#include "support/database.hpp"
#include "support/made_up.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/pulled.hpp"

#include <gtest/gtest.h>

namespace narthex::service {
namespace {

using namespace test;

const std::string k_upstream = "https://cache.example.org";

class PulledTest : public testing::Test {
  protected:
    static PathKey key(int number, int cache = 1) { return {cache, path_hash(number)}; }

    void hide(int number, const std::string& active) {
        execute(
            database_.uri(),
            "with b as (insert into hide_batch (reason, active) values ('test', " + active +
                ") returning id) insert into hidden select 1, '\\x" +
                to_hex(path_hash(number).bytes()) + "', id from b"
        );
    }

    std::string places(const std::string& url) {
        const std::vector keys{db::NarKey{1, url}};
        std::string out;
        for (const auto& each : lookups_.find_nar_files(keys)) {
            out += (each.is_url ? "url " : "file ") + each.file + "\n";
        }
        return out;
    }

    TestDatabase database_;
    db::Connection connection_{database_.uri(), db::Session::publishing};
    db::LookupConnection lookups_{database_.uri()};
};

TEST_F(PulledTest, is_served_as_it_is_and_its_nars_are_at_the_upstream) {
    auto fields = made_up_fields(2, {1});
    fields.file.url = "nar/a%2Bb.nar?hash=x";
    const auto odd = Narinfo::parse(render_nix_narinfo(fields)).value();
    const std::vector<PulledNarinfo> pulled{{1, k_upstream, made_up(1)}, {1, k_upstream, odd}};
    for (int i = 0; i < 2; ++i) store_pulled(connection_, pulled);
    const std::vector keys{key(1), key(2)};
    EXPECT_EQ(lookups_.find_narinfos(keys).served.size(), 2U);
    EXPECT_EQ(places("nar/1.nar.xz"), "url " + k_upstream + "/nar/1.nar.xz\n");
    // Found by its decoded path, and sent to the upstream's own spelling.
    EXPECT_EQ(places("nar/a+b.nar"), "url " + k_upstream + "/nar/a%2Bb.nar?hash=x\n");
    EXPECT_EQ(query(database_.uri(), "select count(*) from site"), "1");
}

TEST_F(PulledTest, has_no_place_here_for_nars_that_it_says_are_elsewhere) {
    auto fields = made_up_fields(1);
    fields.file.url = "https://elsewhere.example.org/1.nar";
    const auto narinfo = Narinfo::parse(render_nix_narinfo(fields)).value();
    store_pulled(connection_, std::vector<PulledNarinfo>{{1, k_upstream, narinfo}});
    EXPECT_EQ(query(database_.uri(), "select count(*) from nar_location"), "0");
}

TEST_F(PulledTest, may_be_of_several_caches_and_lack_its_references) {
    execute(database_.uri(), "insert into cache (name, store_dir) values ('other', '/nix/store')");
    store_pulled(
        connection_,
        std::vector<PulledNarinfo>{{1, k_upstream, made_up(1, {8, 9})}, {2, k_upstream, made_up(1)}}
    );
    const std::vector keys{key(1), key(1, 2)};
    EXPECT_EQ(lookups_.find_narinfos(keys).served.size(), 2U);
}

TEST_F(PulledTest, hidden_paths_are_those_of_active_batches_narinfo_or_not) {
    store_pulled(connection_, std::vector<PulledNarinfo>{{1, k_upstream, made_up(1)}});
    hide(1, "true");
    hide(2, "true");
    hide(3, "false");
    const std::vector keys{key(3), key(1), key(4), key(2), key(1, 2)};
    EXPECT_EQ(find_hidden(connection_, keys), (std::set<PathKey>{key(1), key(2)}));
    EXPECT_TRUE(find_hidden(connection_, {}).empty());
}

}  // namespace
}  // namespace narthex::service
