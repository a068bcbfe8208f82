#include "narthex/core/root_list.hpp"

#include "generators.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace narthex {
namespace {

using Paths = std::vector<BaseName>;

Result<Paths> read(const std::string& text, const std::string& store_dir = "/nix/store") {
    RootListReader reader(store_dir);
    if (auto fed = reader.feed(text); !fed) return fed.error();
    return reader.finish();
}

std::string fault(const std::string& text) {
    const auto paths = read(text);
    return paths ? "(none)" : paths.error().message;
}

const std::string k_a = "/nix/store/00000000000000000000000000000000-a";
const std::string k_b = "/nix/store/11111111111111111111111111111111-b-1.0";

TEST(RootList, is_a_path_a_line) {
    const auto paths = read("\n" + k_b + "\r\n  \n" + k_a + "\n" + k_b).value();
    ASSERT_EQ(paths.size(), 2U);
    EXPECT_TRUE(std::ranges::is_sorted(paths));
    EXPECT_TRUE(std::ranges::any_of(paths, [](const auto& path) { return path.name == "a"; }));
    const auto items =
        read("/gnu/store/00000000000000000000000000000000-x\n", "/gnu/store").value();
    EXPECT_EQ(items.front().name, "x");
}

TEST(RootList, says_which_line_is_bad_and_why) {
    EXPECT_TRUE(fault(k_a + "\n\nnonsense\n").starts_with("3: 'nonsense' is not a store path"));
    EXPECT_TRUE(fault(k_a + "\n" + k_b + " x").starts_with("2: "));
    EXPECT_TRUE(fault(k_a.substr(11)).starts_with("1: "));
    EXPECT_TRUE(fault(k_a + "/bin/x").starts_with("1: "));
    EXPECT_NE(
        fault("/gnu/store/00000000000000000000000000000000-x")
            .find("is not of /nix/store, which is what this cache holds"),
        std::string::npos
    );
    EXPECT_NE(fault(k_a + "\n" + k_a + "b\n").find("another path, 000"), std::string::npos);
    EXPECT_TRUE(fault(k_a + "\n" + std::string(5000, 'x')).starts_with("2: this line is too long"));
    EXPECT_TRUE(fault(k_a + std::string("\n\0\x01\x02\n", 5)).starts_with("2: "));
    EXPECT_EQ(fault(""), "1: there is no path in this list");
    EXPECT_EQ(fault("\n\n"), "3: there is no path in this list");
}

RC_GTEST_PROP(RootList, is_the_same_however_it_is_cut_and_repeated, ()) {
    const auto paths = *rc::gen::nonEmpty(
        rc::gen::uniqueBy<Paths>(test::any_base_name(), [](const auto& path) { return path.hash; })
    );
    std::string text;
    for (const auto& path : paths) {
        const int times = *rc::gen::inRange(1, 3);
        for (int i = 0; i < times; ++i) text += "/s/" + path.to_string() + "\n";
    }
    RootListReader reader("/s");
    for (std::size_t at = 0; at < text.size();) {
        const auto size = static_cast<std::size_t>(*rc::gen::inRange(1, 100));
        RC_ASSERT(reader.feed(std::string_view(text).substr(at, size)).has_value());
        at += size;
    }
    auto sorted = paths;
    std::ranges::sort(sorted);
    RC_ASSERT(reader.finish().value() == sorted);
}

RC_GTEST_PROP(RootList, survives_anything, (const std::string& text)) {
    const auto paths = read(text);
    RC_ASSERT(!paths);
    RC_ASSERT(std::isdigit(static_cast<unsigned char>(paths.error().message[0])) != 0);
}

}  // namespace
}  // namespace narthex
