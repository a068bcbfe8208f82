// The members of a closure, as a walk over the graph finds them, and which paths are there at all.
#include "narinfos_fixture.hpp"

#include <algorithm>
#include <map>

namespace narthex::db {
namespace {

using namespace test;
using Sizes = std::map<int, std::optional<std::uint64_t>>;

constexpr std::size_t k_many = 1000;

class Closures : public NarinfosTest {
  protected:
    // By the numbers of paths, of which all are below 20.
    Sizes closure_of(int root, int cache = k_default, std::size_t most = k_many) {
        Sizes sizes;
        for (const auto& member : lookups_.closure_members({cache, path_hash(root)}, most)) {
            sizes[number_of(member.hash)] = member.bytes;
        }
        return sizes;
    }

    static int number_of(const HashPart& hash) {
        for (int number = 0; number < 20; ++number) {
            if (path_hash(number) == hash) return number;
        }
        return -1;
    }

    static std::uint64_t size_of(int number, const std::vector<int>& references = {}) {
        return made_up_text(number, references).size();
    }

    void hide(int path, bool active = true, int cache = k_default) {
        const auto batch =
            ask(std::string("insert into hide_batch (active, reason) values (") +
                (active ? "true" : "false") + ", 'test') returning id");
        execute(
            database_.uri(),
            "insert into hidden values (" + std::to_string(cache) + ", " + hex(path) + ", " +
                batch + ")"
        );
    }
};

TEST_F(Closures, of_a_path_without_references_is_itself) {
    store({made_up(1), made_up(2)});
    EXPECT_EQ(closure_of(1), (Sizes{{1, size_of(1)}}));
}

TEST_F(Closures, have_every_path_once_however_it_is_reached) {
    store({made_up(1), made_up(2, {1}), made_up(3, {1, 2}), made_up(4, {3, 2, 1}), made_up(5, {4})}
    );
    EXPECT_EQ(
        closure_of(4),
        (Sizes{
            {1, size_of(1)},
            {2, size_of(2, {1})},
            {3, size_of(3, {1, 2})},
            {4, size_of(4, {3, 2, 1})}})
    );
}

TEST_F(Closures, have_references_first_where_they_were_stored_first) {
    store({made_up(1), made_up(2, {1}), made_up(3, {2})});
    const auto members = lookups_.closure_members({k_default, path_hash(3)}, k_many);
    ASSERT_EQ(members.size(), 3U);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(number_of(members[static_cast<std::size_t>(i)].hash), i + 1);
    }
}

TEST_F(Closures, end_in_spite_of_cycles) {
    store({made_up(1, {1, 2}), made_up(2, {3}), made_up(3, {1, 3})});
    for (const int root : {1, 2, 3}) EXPECT_EQ(closure_of(root).size(), 3U);
}

TEST_F(Closures, name_what_is_only_referred_to_without_a_size) {
    store({made_up(2, {1})});
    EXPECT_EQ(closure_of(2), (Sizes{{1, std::nullopt}, {2, size_of(2, {1})}}));
    EXPECT_EQ(closure_of(1), (Sizes{{1, std::nullopt}}));
    EXPECT_EQ(closure_of(3), Sizes{});
}

TEST_F(Closures, name_hidden_paths_without_a_size_and_go_on_behind_them) {
    store({made_up(1), made_up(2, {1}), made_up(3, {2})});
    hide(2, false);
    EXPECT_EQ(closure_of(3).at(2), size_of(2, {1}));
    hide(2);
    EXPECT_EQ(closure_of(3), (Sizes{{1, size_of(1)}, {2, std::nullopt}, {3, size_of(3, {2})}}));
}

TEST_F(Closures, stay_in_their_cache) {
    const int other = make_cache("other");
    store({made_up(1), made_up(2, {1})});
    store({made_up(2, {1})}, other);
    hide(2, true, other);
    EXPECT_EQ(closure_of(2), (Sizes{{1, size_of(1)}, {2, size_of(2, {1})}}));
    EXPECT_EQ(closure_of(2, other), (Sizes{{1, std::nullopt}, {2, std::nullopt}}));
    EXPECT_EQ(closure_of(2, other + 1), Sizes{});
}

TEST_F(Closures, have_the_sizes_of_what_is_answered) {
    store({made_up(1)});
    const auto add = "insert into narinfo_line (cache, hash, line) values (1, " + hex(1);
    execute(database_.uri(), add + ", 'Sig: a:2'); " + add + ", 'Sig: b:\u00fc')");
    EXPECT_EQ(closure_of(1).at(1), text_of(1).size());
}

TEST_F(Closures, are_cut_at_a_number_of_paths) {
    store({made_up(1), made_up(2, {1}), made_up(3, {2}), made_up(4, {3})});
    EXPECT_EQ(closure_of(4, k_default, 4).size(), 4U);
    EXPECT_EQ(closure_of(4, k_default, 3).size(), 3U);
}

TEST_F(Closures, are_of_present_paths) {
    store({made_up(1), made_up(2, {9}), made_up(3)});
    hide(3);
    hide(1, false);
    const int other = make_cache("other");
    const std::vector keys{
        PathKey{k_default, path_hash(9)},
        PathKey{k_default, path_hash(1)},
        PathKey{k_default, path_hash(3)},
        PathKey{other, path_hash(1)},
        PathKey{k_default, path_hash(2)}};
    auto present = lookups_.find_present(keys);
    std::ranges::sort(present);
    EXPECT_EQ(present, (std::vector<std::size_t>{1, 4}));
    EXPECT_TRUE(lookups_.find_present({}).empty());
}

}  // namespace
}  // namespace narthex::db
