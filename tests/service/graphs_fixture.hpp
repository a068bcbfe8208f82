// For tests of the mark and of plans: random graphs in a database of one's own.
#pragma once

#include "../../src/db/pqxx.hpp"
#include "support/database.hpp"
#include "support/random_graphs.hpp"

#include "narthex/core/hash.hpp"
#include "narthex/db/connection.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <tuple>

namespace narthex::service {

class GraphsTest : public testing::Test {
  protected:
    // Printed, and taken from the environment to repeat a failure.
    static std::uint64_t seed() {
        static const std::uint64_t value = [] {
            const char* given = std::getenv("NARTHEX_TEST_SEED");
            const auto seed = given != nullptr ? std::stoull(given) : std::random_device{}();
            std::printf("NARTHEX_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
            return seed;
        }();
        return value;
    }

    static HashPart hash_of(int id) {
        const auto digest = Sha256::of("path " + std::to_string(id));
        std::array<unsigned char, HashPart::k_size> bytes{};
        std::copy_n(digest.bytes().begin(), bytes.size(), bytes.begin());
        return HashPart(bytes);
    }

    // Every graph's paths go to the cache that `cache_of` says.
    template <class CacheOf>
    void store_graphs(const test::RandomGraphs& graphs, CacheOf cache_of) {
        connection_.write([&](db::Tx& tx) {
            auto out = db::copy_into(tx, "path", std::array<std::string, 3>{"id", "cache", "hash"});
            for (int id = 1; id <= graphs.last(); ++id) {
                out << std::make_tuple(id, cache_of(id), db::bytea(hash_of(id).bytes()));
            }
            out.complete();
        });
        connection_.write([&](db::Tx& tx) {
            auto out = db::copy_into(tx, "graph", std::array<std::string, 2>{"id", "refs"});
            for (int id = 1; id <= graphs.last(); ++id) {
                const auto& node = graphs.node(id);
                if (!node.has_narinfo) continue;
                out << std::make_tuple(id, db::int_array(node.references));
            }
            out.complete();
        });
    }

    test::TestDatabase database_;
    db::Connection connection_{database_.uri(), db::Session::work};
};

}  // namespace narthex::service
