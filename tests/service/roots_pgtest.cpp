#include "support/database.hpp"
#include "support/made_up.hpp"
#include "support/temp_dir.hpp"

#include "narthex/core/encoding.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/db/caches.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/service/root_changes.hpp"
#include "narthex/service/root_list_file.hpp"
#include "narthex/service/roots.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <future>
#include <set>

namespace narthex::service {
namespace {

using test::made_up;
using test::path_hash;
using test::path_name;
using What = AddedRoot::What;
using Names = std::set<std::string>;

constexpr std::int64_t k_now = 1'800'000'000;
constexpr std::int64_t k_day = 86'400;

std::vector<BaseName> paths(const std::vector<int>& numbers) {
    std::vector<BaseName> out;
    for (const int number : numbers) out.push_back(path_name(number));
    std::ranges::sort(out);
    return out;
}

RootRequest list(const std::string& name, const std::vector<int>& numbers) {
    RootRequest request;
    request.name = name;
    request.kind = RootKind::list;
    request.paths = paths(numbers);
    return request;
}

RootRequest bump(const std::string& name, int number, std::int64_t at) {
    auto request = list(name, {number});
    request.kind = RootKind::bump;
    request.channel = "nixos";
    request.bumped_at = at;
    return request;
}

RootRequest pattern(const std::string& name, const std::string& glob) {
    RootRequest request;
    request.name = name;
    request.kind = RootKind::pattern;
    request.pattern = glob;
    return request;
}

class RootChanges : public testing::Test {
  protected:
    RootChanges() {
        connection_.write([this](db::Tx& tx) { cache_ = db::list_caches(tx).at(0); });
    }

    void store(int number, const std::vector<int>& references = {}) {
        const auto narinfo = made_up(number, references);
        const db::StoredNarinfo row{&narinfo, {std::nullopt}};
        connection_.write([&](db::Tx& tx) {
            EXPECT_EQ(db::store_narinfos(tx, cache_.id, std::array{row}).fates[0], db::Fate::added);
        });
    }

    void hide(const std::vector<int>& numbers, bool active = true) {
        std::string rows;
        for (const int number : numbers) {
            rows += std::string(rows.empty() ? "" : ", ") + "(1, '\\x" +
                    to_hex(path_hash(number).bytes()) + "'::bytea)";
        }
        test::execute(
            database_.uri(),
            "with b as (insert into hide_batch (active, reason) values (" +
                std::string(active ? "true" : "false") +
                ", 'test') returning id) insert into hidden select v.*, b.id from b, (values " +
                rows + ") v"
        );
    }

    [[nodiscard]] long hidden() const {
        return std::stol(test::query(database_.uri(), "select count(*) from hidden"));
    }

    RootOutcome<AddedRoot> try_add(const RootRequest& request, std::int64_t now = k_now) {
        return add_root(connection_, cache_, request, {"tester", now});
    }
    AddedRoot add(const RootRequest& request, std::int64_t now = k_now) {
        return try_add(request, now).value();
    }
    std::string refusal(const RootRequest& request) {
        const auto added = try_add(request);
        return added ? "(none)" : added.error().message;
    }

    std::size_t set_rule(const RetentionRule& rule) {
        return set_channel(connection_, cache_.id, "nixos", rule, "", {"tester", k_now})
            .value()
            .rescued;
    }

    Names living(std::int64_t now = k_now) {
        Names names;
        connection_.read([&](db::Tx& tx) {
            for (const auto& root : db::load_roots(tx, living_roots(tx, cache_.id, now))) {
                names.insert(root.name);
            }
        });
        return names;
    }

    [[nodiscard]] std::string actions() const {
        return test::query(
            database_.uri(),
            "select coalesce(string_agg(action || ' ' || subject, ', ' order by id), '') from audit"
        );
    }

    test::TestDatabase database_;
    db::Connection connection_{database_.uri(), db::Session::publishing};
    Cache cache_;
};

const RetentionRule k_supported{ChannelStatus::supported, {}, {}};

TEST_F(RootChanges, add_what_is_there_and_what_is_still_to_come) {
    store(1);
    auto numbers = std::vector{1};
    for (int number = 100; number < 130; ++number) numbers.push_back(number);
    const auto added = add(list("some", numbers));
    EXPECT_EQ(added.what, What::added);
    EXPECT_TRUE(added.lives);
    EXPECT_EQ(added.paths, 31U);
    EXPECT_EQ(added.missing, 30U);
    EXPECT_EQ(added.examples.size(), 20U);
    EXPECT_EQ(living(), Names{"some"});
    // What comes later gets the id that the root has.
    store(100);
    EXPECT_EQ(add(list("some", numbers)).missing, 29U);
    EXPECT_EQ(
        test::query(
            database_.uri(),
            "select count(*) from root r, unnest(r.paths) u (id) join graph g on g.id = u.id"
        ),
        "2"
    );
}

TEST_F(RootChanges, repeated_change_nothing) {
    const auto request = list("some", {1, 2});
    const int id = add(request).id;
    EXPECT_EQ(add(request).what, What::unchanged);
    EXPECT_EQ(add(request).id, id);
    EXPECT_EQ(actions(), "root add some");
    EXPECT_NE(refusal(list("some", {1, 3})).find("--replace"), std::string::npos);
    // Nor does what is refused: paths 1 and 2 have ids, 3 has none.
    EXPECT_EQ(test::query(database_.uri(), "select count(*) from path"), "2");
    EXPECT_NE(
        refusal(pattern("some", "x*")).find("other contents (list, 2 paths)"), std::string::npos
    );
    auto other = list("some", {3});
    other.replace = true;
    EXPECT_EQ(add(other).what, What::replaced);
    EXPECT_EQ(add(other).id, id);
    EXPECT_EQ(actions(), "root add some, root replaced some");
}

TEST_F(RootChanges, lengthen_a_life_freely_and_shorten_it_on_request) {
    auto request = list("some", {1});
    request.expires_at = k_now + k_day;
    add(request);
    EXPECT_EQ(living(k_now + k_day - 1), Names{"some"});
    EXPECT_EQ(living(k_now + k_day), Names{});
    request.expires_at = k_now + 2 * k_day;
    EXPECT_EQ(add(request).what, What::renewed);
    EXPECT_EQ(living(k_now + k_day), Names{"some"});
    request.expires_at = k_now + k_day;
    EXPECT_NE(refusal(request).find("lives longer"), std::string::npos);
    request.replace = true;
    EXPECT_EQ(add(request).what, What::renewed);
    request.expires_at.reset();
    request.replace = false;
    EXPECT_EQ(add(request).what, What::renewed);
    EXPECT_EQ(living(k_now + 10'000 * k_day), Names{"some"});
}

TEST_F(RootChanges, of_what_is_never_to_be_deleted_need_force) {
    auto request = list("some", {1});
    request.never_delete = true;
    add(request);
    EXPECT_EQ(add(request).what, What::unchanged);
    auto other = list("some", {2});
    other.replace = true;
    EXPECT_NE(refusal(other).find("--force-never-delete"), std::string::npos);
    auto weaker = list("some", {1});
    EXPECT_NE(refusal(weaker).find("--replace"), std::string::npos);
    weaker.replace = true;
    EXPECT_NE(refusal(weaker).find("--force-never-delete"), std::string::npos);
    const Author author{"tester", k_now};
    const auto kept = remove_roots(connection_, cache_.id, {"some"}, false, "", author);
    EXPECT_NE(kept.error().message.find("--force-never-delete"), std::string::npos);
    other.force_never_delete = true;
    EXPECT_EQ(add(other).what, What::replaced);
    EXPECT_TRUE(remove_roots(connection_, cache_.id, {"some"}, false, "", author));
}

TEST_F(RootChanges, remove_all_or_none) {
    add(list("a", {1}));
    add(list("b", {2}));
    const Author author{"tester", k_now};
    const auto refused = remove_roots(connection_, cache_.id, {"a", "c"}, false, "", author);
    EXPECT_EQ(refused.error().fault, RootFault::absent);
    EXPECT_EQ(living(), (Names{"a", "b"}));
    EXPECT_EQ(remove_roots(connection_, cache_.id, {"a", "b"}, false, "", author)->size(), 2U);
    EXPECT_EQ(living(), Names{});
    EXPECT_EQ(actions(), "root add a, root add b, root remove a, root remove b");
}

TEST_F(RootChanges, make_no_sense_in_some_ways) {
    auto request = list("some", {1});
    request.expires_at = k_now;
    EXPECT_EQ(try_add(request).error().fault, RootFault::invalid);
    request.expires_at = k_now + 1;
    request.never_delete = true;
    EXPECT_EQ(try_add(request).error().fault, RootFault::invalid);
    EXPECT_EQ(try_add(list("some", {})).error().fault, RootFault::invalid);
    EXPECT_EQ(try_add(list("-", {1})).error().fault, RootFault::invalid);
    EXPECT_EQ(try_add(pattern("some", "[")).error().fault, RootFault::invalid);
    EXPECT_EQ(try_add(bump("some", 1, k_now)).error().fault, RootFault::absent);
    EXPECT_EQ(actions(), "");
}

TEST_F(RootChanges, rescue_what_lives_from_then_on) {
    store(1);
    store(2, {1});
    store(3);
    hide({1, 2, 3});
    const auto added = add(list("some", {2}));
    EXPECT_EQ(added.rescued, 2U);
    EXPECT_EQ(added.missing, 0U);
    EXPECT_EQ(hidden(), 1);
    hide({1, 2}, false);
    EXPECT_EQ(add(list("some", {2})).rescued, 2U);
}

TEST_F(RootChanges, rescue_what_a_pattern_matches) {
    for (const int number : {1, 2, 33}) store(number);
    hide({1, 2, 33});
    EXPECT_EQ(add(pattern("threes", "path-3?")).rescued, 1U);
    EXPECT_EQ(add(pattern("digits", "path-[0-9]")).rescued, 2U);
    EXPECT_EQ(hidden(), 0);
}

TEST_F(RootChanges, rescue_when_an_expired_root_is_renewed) {
    store(1);
    auto request = list("some", {1});
    request.expires_at = k_now + 1;
    add(request);
    hide({1});
    request.expires_at = k_now + 3 * k_day;
    EXPECT_EQ(add(request, k_now + k_day).rescued, 1U);
}

TEST_F(RootChanges, rescue_bumps_that_a_rule_keeps_again) {
    for (const int number : {1, 2, 3}) store(number);
    EXPECT_EQ(set_rule({ChannelStatus::rolling, 1, {}}), 0U);
    EXPECT_TRUE(add(bump("one", 1, k_now - 3 * k_day)).lives);
    EXPECT_TRUE(add(bump("two", 2, k_now - 2 * k_day)).lives);
    EXPECT_TRUE(add(bump("three", 3, k_now - k_day)).lives);
    EXPECT_EQ(living(), Names{"three"});
    hide({1, 2});
    EXPECT_EQ(set_rule({ChannelStatus::rolling, 2, {}}), 1U);
    EXPECT_EQ(living(), (Names{"three", "two"}));
    EXPECT_EQ(set_rule(k_supported), 1U);
    EXPECT_EQ(hidden(), 0);
    EXPECT_EQ(set_rule(k_supported), 0U);
    EXPECT_EQ(set_rule({ChannelStatus::supported, {}, 2 * k_day}), 0U);
    EXPECT_EQ(living(), (Names{"three", "two"}));
    EXPECT_EQ(living(k_now + k_day), Names{"three"});
    hide({1});
    const auto late = add(bump("late", 1, k_now - 30 * k_day));
    EXPECT_FALSE(late.lives);
    EXPECT_EQ(late.rescued, 0U);
    EXPECT_EQ(late.missing, 1U);
}

TEST_F(RootChanges, remove_channels_with_their_bumps_on_request) {
    set_rule(k_supported);
    add(bump("one", 1, k_now));
    const Author author{"tester", k_now};
    EXPECT_NE(
        remove_channel(connection_, cache_.id, "nixos", false, "", author)
            .error()
            .message.find("1 bumps"),
        std::string::npos
    );
    EXPECT_EQ(remove_channel(connection_, cache_.id, "nixos", true, "", author).value(), 1U);
    EXPECT_EQ(
        remove_channel(connection_, cache_.id, "nixos", true, "", author).error().fault,
        RootFault::absent
    );
    EXPECT_EQ(living(), Names{});
}

TEST_F(RootChanges, of_the_same_name_at_once_are_one_root) {
    constexpr int k_threads = 8;
    std::vector<std::future<RootOutcome<AddedRoot>>> adding;
    for (int i = 0; i < k_threads; ++i) {
        adding.push_back(std::async(std::launch::async, [this, i] {
            db::Connection own(database_.uri(), db::Session::publishing);
            // Half of them want something else by that name. Both share paths that have no ids.
            std::vector<int> numbers;
            for (int number = i % 2; number < 300; ++number) numbers.push_back(number);
            return add_root(own, cache_, list("some", numbers), {"tester", k_now});
        }));
    }
    int added = 0;
    std::set<bool> refused_even;
    for (int i = 0; i < k_threads; ++i) {
        const auto outcome = adding[static_cast<std::size_t>(i)].get();
        if (!outcome) refused_even.insert(i % 2 == 0);
        if (outcome && outcome->what == What::added) ++added;
    }
    EXPECT_EQ(added, 1);
    EXPECT_EQ(refused_even.size(), 1U) << "all of one kind are refused, none of the other";
    EXPECT_EQ(test::query(database_.uri(), "select count(*) from root"), "1");
    EXPECT_EQ(test::query(database_.uri(), "select count(*) from audit"), "1");
    EXPECT_EQ(
        test::query(database_.uri(), "select count(*) = count(distinct hash) from path"), "t"
    );
}

// --- lists in files ---

class RootListFile : public testing::Test {
  protected:
    // By libarchive, as one stream of bytes.
    std::string write(const std::string& name, const std::string& text, int filter) {
        const auto file = (directory_.path() / name).string();
        auto* out = archive_write_new();
        archive_write_add_filter(out, filter);
        archive_write_set_format_raw(out);
        EXPECT_EQ(archive_write_open_filename(out, file.c_str()), ARCHIVE_OK);
        auto* entry = archive_entry_new();
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_write_header(out, entry);
        archive_write_data(out, text.data(), text.size());
        archive_entry_free(entry);
        archive_write_free(out);
        return file;
    }

    test::TempDir directory_;
};

constexpr std::array k_filters{
    ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD};

TEST_F(RootListFile, folds_a_million_paths_however_it_is_compressed) {
    std::string text;
    for (int number = 0; number < 1'000'000; ++number) {
        text += "/nix/store/" + path_name(number % 7).to_string() + "\n";
    }
    for (const int filter : k_filters) {
        const auto file = write("list-" + std::to_string(filter), text, filter);
        const auto read = read_root_list(file, "/nix/store");
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(*read, paths({0, 1, 2, 3, 4, 5, 6}));
    }
}

TEST_F(RootListFile, is_refused_when_it_ends_too_early) {
    std::string text;
    for (int number = 0; number < 5000; ++number) {
        text += "/nix/store/" + path_name(number).to_string() + "\n";
    }
    for (const int filter : k_filters) {
        if (filter == ARCHIVE_FILTER_NONE) continue;
        const auto file = write("cut", text, filter);
        const auto size = std::filesystem::file_size(file);
        for (const auto left : {size - 1, size / 2, std::uintmax_t{20}}) {
            write("cut", text, filter);
            std::filesystem::resize_file(file, left);
            const auto read = read_root_list(file, "/nix/store");
            ASSERT_FALSE(read) << filter << ", " << left << " of " << size;
            EXPECT_TRUE(read.error().message.starts_with(file + ":")) << read.error().message;
        }
    }
}

TEST_F(RootListFile, names_file_and_line) {
    const auto good = "/nix/store/" + path_name(1).to_string() + "\n";
    const auto file = write("bad.xz", good + good + "garbage\n", ARCHIVE_FILTER_XZ);
    const auto read = read_root_list(file, "/nix/store");
    EXPECT_TRUE(read.error().message.starts_with(file + ":3: 'garbage' is not"))
        << read.error().message;
    EXPECT_TRUE(read_root_list(file, "/gnu/store").error().message.starts_with(file + ":1: "));
    const auto gone = (directory_.path() / "gone").string();
    EXPECT_TRUE(read_root_list(gone, "/nix/store").error().message.starts_with(gone + ": "));
    const auto empty = (directory_.path() / "empty").string();
    std::ofstream(empty).close();
    EXPECT_EQ(
        read_root_list(empty, "/nix/store").error().message,
        empty + ":1: there is no path in this list"
    );
    EXPECT_FALSE(read_root_list(directory_.path().string(), "/nix/store"));
}

}  // namespace
}  // namespace narthex::service
