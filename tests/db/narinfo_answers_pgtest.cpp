// What is answered beside a narinfo's stored text: hidden paths, added lines, and where NARs are.
#include "narinfos_fixture.hpp"

#include <algorithm>

namespace narthex::db {
namespace {

using namespace test;
using Texts = std::vector<std::string>;

class NarinfoAnswers : public NarinfosTest {
  protected:
    void run(const std::string& statements) const { execute(database_.uri(), statements); }

    [[nodiscard]] std::string make_batch(const std::string& active) const {
        return ask(
            "insert into hide_batch (active, reason) values (" + active + ", 'test') returning id"
        );
    }

    void hide(int path, const std::string& batch) const {
        run("insert into hidden values (1, " + hex(path) + ", " + batch + ")");
    }

    std::uint64_t batches_of(int path) {
        const std::vector keys{PathKey{k_default, path_hash(path)}};
        const auto [found, hidden] = lookups_.find_narinfos(keys);
        return found.empty() ? hidden.at(0).batches : found[0].batches;
    }
};

TEST_F(NarinfoAnswers, are_hidden_while_an_active_batch_has_them) {
    store({made_up(1), made_up(2)});
    const auto batch = make_batch("false");
    hide(1, batch);
    EXPECT_EQ(text_of(1), made_up_text(1));
    run("update hide_batch set active = true");
    EXPECT_EQ(text_of(1), "(hidden)");
    EXPECT_EQ(text_of(2), made_up_text(2));
    run("update hide_batch set active = false");
    EXPECT_EQ(text_of(1), made_up_text(1));
}

TEST_F(NarinfoAnswers, are_hidden_by_any_of_several_batches) {
    store({made_up(1)});
    hide(1, make_batch("false"));
    const auto active = make_batch("true");
    hide(1, active);
    EXPECT_EQ(text_of(1), "(hidden)");
    run("delete from hidden where batch = " + active);
    EXPECT_EQ(text_of(1), made_up_text(1));
}

TEST_F(NarinfoAnswers, know_their_hide_batches_whether_they_have_an_effect_or_not) {
    store({made_up(1), made_up(2)});
    EXPECT_EQ(batches_of(1), 0U);
    run("insert into hide_batch (id, reason) values (63, ''), (64, ''), (70, '')");
    for (const std::string batch : {"63", "64", "70"}) hide(1, batch);
    const auto bits = std::uint64_t{1} << 63 | 1U | 1U << 6;
    EXPECT_EQ(batches_of(1), bits);
    run("update hide_batch set active = true where id = 70");
    EXPECT_EQ(batches_of(1), bits);
    EXPECT_EQ(batches_of(2), 0U);
}

TEST_F(NarinfoAnswers, are_hidden_in_their_cache_only) {
    const int other = make_cache("other");
    store({made_up(1)});
    store({made_up(1)}, other);
    hide(1, make_batch("true"));
    EXPECT_EQ(text_of(1), "(hidden)");
    EXPECT_EQ(text_of(1, other), made_up_text(1));
}

TEST_F(NarinfoAnswers, end_with_the_lines_that_were_added_in_the_order_they_came) {
    store({made_up(1), made_up(2)});
    run("insert into narinfo_line values (1, " + hex(1) + ", 'Sig: z:1', now() - interval '1 s')");
    run("insert into narinfo_line (cache, hash, line) values (1, " + hex(1) + ", 'Sig: a:2')");
    EXPECT_EQ(text_of(1), made_up_text(1) + "Sig: z:1\nSig: a:2\n");
    EXPECT_EQ(text_of(2), made_up_text(2));
}

TEST_F(NarinfoAnswers, have_no_lines_of_another_cache) {
    const int other = make_cache("other");
    store({made_up(1)});
    store({made_up(1)}, other);
    run("insert into narinfo_line (cache, hash, line) values (1, " + hex(1) + ", 'Sig: a:2')");
    EXPECT_EQ(text_of(1, other), made_up_text(1));
}

TEST_F(NarinfoAnswers, find_nars_in_the_directories_they_were_stored_with) {
    store_at("/srv/a", {made_up(1)});
    store({made_up(2)});
    EXPECT_EQ(files_of({"nar/1.nar.xz"}), Texts{"nar/1.nar.xz /srv/a/nar/1.nar.xz"});
    EXPECT_EQ(files_of({"nar/2.nar.xz", "nar/3.nar.xz", "1.nar.xz", ""}), Texts{});
    EXPECT_EQ(files_of({}), Texts{});
    EXPECT_EQ(files_of({"nar/1.nar.xz"}, make_cache("other")), Texts{});
}

TEST_F(NarinfoAnswers, find_every_place_of_a_nar_that_was_stored_with_several) {
    store_at("/srv/a", {made_up(1)});
    EXPECT_EQ(store_at("/srv/b", {made_up(1)}).fates, std::vector{Fate::present});
    store_at("/srv/a", {made_up(1)});
    EXPECT_EQ(
        files_of({"nar/1.nar.xz"}),
        (Texts{"nar/1.nar.xz /srv/a/nar/1.nar.xz", "nar/1.nar.xz /srv/b/nar/1.nar.xz"})
    );
    EXPECT_EQ(number("select count(*) from site"), 2);
}

TEST_F(NarinfoAnswers, find_no_place_by_a_narinfo_that_names_another_nar) {
    store({made_up(1), made_up(2)});
    auto fields = made_up_fields(1);
    fields.file.url = "nar/2.nar.xz";
    store_at("/srv/a", {Narinfo::parse(render_nix_narinfo(fields)).value()});
    EXPECT_EQ(files_of({"nar/1.nar.xz", "nar/2.nar.xz"}), Texts{});
}

TEST_F(NarinfoAnswers, find_nars_by_their_decoded_urls_whatever_characters_they_have) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"nar/libstdc%2B%2B.nar", "nar/libstdc++.nar"},
        {"nar/a.nar?hash=x", "nar/a.nar"},
        {"nar/%22%2c%7b%7d'", "nar/\",{}'"},
        {"nar/NULL", "nar/NULL"},
    };
    int path = 1;
    for (const auto& [url, key] : table) {
        auto fields = made_up_fields(path++);
        fields.file.url = url;
        store_at("/srv", {Narinfo::parse(render_nix_narinfo(fields)).value()});
        EXPECT_EQ(files_of({key}), Texts{key + " /srv/" + url}) << url;
    }
}

TEST_F(NarinfoAnswers, share_a_nar_that_several_narinfos_name) {
    auto fields = made_up_fields(2);
    fields.file = made_up_fields(1).file;
    fields.nar_hash = made_up_fields(1).nar_hash;
    fields.nar_size = made_up_fields(1).nar_size;
    const auto second = Narinfo::parse(render_nix_narinfo(fields)).value();
    store_at("/srv", {made_up(1), second});
    EXPECT_EQ(number("select count(*) from nar"), 1);
    EXPECT_EQ(number("select count(distinct hash) from narinfo_nar"), 2);
    EXPECT_EQ(files_of({"nar/1.nar.xz"}).size(), 1U);
    // And in batches of their own.
    store({made_up(5)});
    fields.store_path.base = path_name(6);
    fields.file = made_up_fields(5).file;
    store({Narinfo::parse(render_nix_narinfo(fields)).value()});
    EXPECT_EQ(number("select count(*) from nar"), 2);
    EXPECT_EQ(number("select count(*) from narinfo_nar"), 4);
}

TEST_F(NarinfoAnswers, of_guix_have_several_nars) {
    const auto guix = Narinfo::parse(guix_text(1, {1, 2})).value();
    store_at("/srv", {guix});
    EXPECT_EQ(text_of(1), guix_text(1, {1, 2}));
    EXPECT_EQ(references_of(1), hex_list({1, 2}));
    EXPECT_EQ(
        ask("select string_agg(compression || ' ' || file_size, ', ' order by compression)"
            " from nar join narinfo_nar on nar = id where hash = " +
            hex(1)),
        "gzip 77, zstd 77"
    );
    EXPECT_EQ(files_of({"nar/zstd/" + path_name(1).to_string()}).size(), 1U);
}

TEST_F(NarinfoAnswers, of_absolute_urls_keep_them_as_they_are) {
    auto fields = made_up_fields(1);
    fields.file.url = "https://cdn.example.org/nar/x.nar.xz?sig=y%20z";
    store({Narinfo::parse(render_nix_narinfo(fields)).value()});
    EXPECT_EQ(ask("select url from nar"), fields.file.url);
}

}  // namespace
}  // namespace narthex::db
