// What a mark costs by itself, and graphs for it that are larger than a data set of narinfos.
//
//   bench_mark mark DATABASE ENGINE SEEDS   a file of path ids, one a line; prints JSON
//   bench_mark graph PATHS SEED             rows of the graph for COPY: packages only
#include "../generate/graph.hpp"

#include "narthex/db/mark_reader.hpp"
#include "narthex/service/mark.hpp"

#include <chrono>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace narthex;

std::vector<int> read_ids(const std::string& file) {
    std::ifstream in(file);
    std::vector<int> ids;
    for (int id = 0; in >> id;) ids.push_back(id);
    if (!in.eof()) throw std::runtime_error("can't read " + file);
    return ids;
}

// The most memory this program ever had. Not getrusage's, which remembers what it was before exec.
long peak_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        long kib = 0;
        if (word == "VmHWM:" && status >> kib) return kib;
    }
    throw std::runtime_error("/proc/self/status has no VmHWM");
}

void measure(db::MarkReader& reader, service::Engine engine, const std::vector<int>& ids) {
    using Clock = std::chrono::steady_clock;
    const auto before = peak_kib();
    const auto start = Clock::now();
    Bitmap seeds(reader.last_path_id());
    for (const int id : ids) seeds.add(id);
    Bitmap marked(seeds.last());
    service::mark(reader, engine, seeds, marked, {});
    const std::chrono::duration<double> seconds = Clock::now() - start;
    std::cout << "{\"seconds\": " << seconds.count() << ", \"marked\": " << marked.count()
              << ", \"paths\": " << marked.last() << ", \"memory_kib\": " << peak_kib() - before
              << "}\n";
}

int mark(const std::string& database, const std::string& engine_name, const std::string& file) {
    const auto engine = service::parse_engine(engine_name);
    if (!engine) throw std::runtime_error("no engine " + engine_name);
    const auto ids = read_ids(file);
    db::Connection connection(database, db::Session::work);
    connection.read([&](db::Tx& tx) {
        db::see_one_moment(tx);
        db::MarkReader reader(database, db::export_snapshot(tx), nullptr);
        measure(reader, *engine, ids);
    });
    return 0;
}

int graph(std::size_t paths, std::uint64_t seed) {
    bench::Graph graph(paths, seed);
    for (std::size_t path = 0; path < paths; ++path) {
        std::cout << path + 1 << "\t{";
        const char* separator = "";
        for (const auto reference : graph.add(bench::Class::package)) {
            std::cout << separator << reference + 1;
            separator = ",";
        }
        std::cout << "}\n";
    }
    std::cout.flush();
    if (!std::cout) throw std::runtime_error("can't write to the standard output");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);
    const std::vector<std::string> words(argv + 1, argv + argc);
    try {
        if (words.size() == 4 && words[0] == "mark") return mark(words[1], words[2], words[3]);
        if (words.size() == 3 && words[0] == "graph") {
            return graph(std::stoul(words[1]), std::stoul(words[2]));
        }
        throw std::runtime_error("usage: mark DATABASE ENGINE SEEDS | graph PATHS SEED");
    } catch (const std::exception& error) {
        std::cerr << "bench_mark: " << error.what() << '\n';
        return 1;
    }
}
