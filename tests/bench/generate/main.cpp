// generate: writes a made-up binary cache's narinfos, one after the other with a blank line
// between, like the real cache.nixos.org in kinds, references, sizes and names; prints its
// statistics.
#include "narinfos.hpp"
#include "statistics.hpp"

#include <CLI/CLI.hpp>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>

namespace {

using namespace narthex;
using namespace narthex::bench;

struct Options {
    std::size_t narinfos = 1'000'000;
    std::uint64_t seed = 1;
    std::string output = "-";
    std::string sample_dir;
    std::size_t samples = 20'000;
    bool check = false;
};

void write_file(const std::filesystem::path& file, const std::string& text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + file.string());
}

// Chooses exactly `wanted` of `left` items, each set of them as likely as another.
class Sampler {
  public:
    Sampler(std::size_t wanted, std::size_t left, std::uint64_t seed)
        : wanted_(wanted), left_(left), random_(seed, 2) {}

    bool take() {
        const bool chosen = random_.below(left_--) < wanted_;
        if (chosen) --wanted_;
        return chosen;
    }

  private:
    std::size_t wanted_;
    std::size_t left_;
    Random random_;
};

void generate(const Options& options, std::ostream* out, Statistics& statistics) {
    Narinfos narinfos(options.narinfos, options.seed);
    Sampler sampler(
        options.sample_dir.empty() ? 0 : options.samples, options.narinfos, options.seed
    );
    for (std::size_t i = 0; i < options.narinfos; ++i) {
        const MadeNarinfo made = narinfos.next();
        const BaseName& base = made.path.base;
        statistics.add(
            made.kind, made.references, made.to_itself, base.name.size(), made.text.size()
        );
        if (sampler.take()) {
            const std::filesystem::path dir(options.sample_dir);
            write_file(dir / (base.hash.to_string() + ".narinfo"), made.text);
        }
        if (out != nullptr) *out << made.text << '\n';
    }
}

int run(const Options& options) {
    Statistics statistics;
    if (options.check) {
        generate(options, nullptr, statistics);
    } else if (options.output == "-") {
        generate(options, &std::cout, statistics);
        std::cout.flush();
        if (!std::cout) throw std::runtime_error("cannot write to the standard output");
    } else {
        std::ofstream out(options.output, std::ios::binary);
        generate(options, &out, statistics);
        out.close();
        if (!out) throw std::runtime_error("cannot write " + options.output);
    }
    statistics.print(std::cerr);
    return options.check && !statistics.check(std::cerr) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    Options options;
    CLI::App app("writes made-up narinfos with the statistics of cache.nixos.org's");
    app.add_option("--narinfos", options.narinfos, "how many [1000000]")
        ->check(CLI::Range(1, 400'000'000));
    app.add_option("--seed", options.seed, "the same seed gives the same narinfos [1]");
    app.add_option("--output", options.output, "file to write; '-' is the standard output [-]");
    app.add_option(
        "--sample-dir", options.sample_dir, "write some as HASH.narinfo in this directory too"
    );
    app.add_option("--samples", options.samples, "how many of them [20000]");
    app.add_flag("--check", options.check, "write nothing; fail when the statistics are off");
    CLI11_PARSE(app, argc, argv);
    try {
        return run(options);
    } catch (const std::exception& error) {
        std::cerr << "generate: " << error.what() << '\n';
        return 1;
    }
}
