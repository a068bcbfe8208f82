#include "names.hpp"

#include <array>
#include <string_view>

namespace narthex::bench {

namespace {

constexpr std::array<std::string_view, 20> k_hub_names = {
    "glibc",     "dbus",    "systemd", "bash",     "perl",    "util-linux", "ghc",
    "coreutils", "openssl", "zlib",    "gcc",      "python3", "ncurses",    "gnugrep",
    "gnused",    "xz",      "libcap",  "readline", "curl",    "findutils"};
constexpr std::array<std::string_view, 3> k_outputs = {"-lib", "-bin", "-dev"};
constexpr std::array<std::string_view, 6> k_families = {
    "python3.12-", "perl5.40.0-", "haskell-", "texlive-", "linux-", "emacs-"};
constexpr std::array<std::string_view, 8> k_package_ends = {
    "-dev", "-lib", "-doc", "-bin", "-man", "-data", "-debug", "-unwrapped"};
constexpr std::array<std::string_view, 6> k_config_starts = {
    "unit-", "etc-", "system-units-", "user-units-", "X-Restart-Triggers-", "nixos-"};
constexpr std::array<std::string_view, 4> k_config_ends = {".service", ".conf", ".socket", ""};
constexpr std::array<std::string_view, 3> k_test_starts = {
    "vm-test-run-", "nixos-test-driver-", "nixos-vm-"};
constexpr std::array<std::string_view, 4> k_source_ends = {".tar.gz", ".gem", "-source", ".tar.xz"};
constexpr std::array<std::string_view, 3> k_image_ends = {".iso", "-disk-image", ".tar.gz"};

template <std::size_t N>
std::string_view one_of(const std::array<std::string_view, N>& choices, Random& random) {
    return choices[random.below(N)];
}

// Pronounceable: consonants and vowels by turns.
std::string word(std::size_t length, Random& random) {
    constexpr std::string_view k_consonants = "bcdfghjklmnpqrstvwxz";
    constexpr std::string_view k_vowels = "aeiouy";
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        const std::string_view letters = i % 2 == 0 ? k_consonants : k_vowels;
        text += letters[random.below(letters.size())];
    }
    return text;
}

// Word lengths have a long tail: some names are sixty characters.
std::string words(Random& random) {
    std::string text = word(4 + random.below(7), random);
    while (text.size() < 60 && random.chance(0.3)) {
        text.append("-").append(word(3 + random.below(7), random));
    }
    return text;
}

std::string version(Random& random) {
    std::string text = "-" + std::to_string(random.below(12));
    text.append(".").append(std::to_string(random.below(40)));
    if (random.chance(0.7)) text.append(".").append(std::to_string(random.below(20)));
    return text;
}

std::string package_name(Random& random) {
    std::string text;
    if (random.chance(0.25)) text = one_of(k_families, random);
    text += words(random) + version(random);
    if (random.chance(0.35)) text += one_of(k_package_ends, random);
    return text;
}

}  // namespace

std::string hub_name(std::size_t hub, Random& random) {
    std::string text(k_hub_names[hub % k_hub_names.size()]);
    text += version(random);
    const std::size_t output = hub / k_hub_names.size();
    if (output > 0) text += k_outputs[(output - 1) % k_outputs.size()];
    return text;
}

std::string draw_name(Class kind, Random& random) {
    switch (kind) {
        case Class::package:
            return package_name(random);
        case Class::config:
            return std::string(one_of(k_config_starts, random)) + words(random) +
                   std::string(one_of(k_config_ends, random));
        case Class::test:
            return std::string(one_of(k_test_starts, random)) + words(random);
        case Class::system:
            return "nixos-system-" + word(6, random) + "-24.11pre-git";
        case Class::closure_info:
            return "closure-info";
        case Class::source:
            return words(random) + version(random) + std::string(one_of(k_source_ends, random));
        case Class::image:
            return "nixos-" + words(random) + std::string(one_of(k_image_ends, random));
    }
    return {};
}

}  // namespace narthex::bench
