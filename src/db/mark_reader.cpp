#include "narthex/db/mark_reader.hpp"

#include "graph_rows.hpp"
#include "libpq.hpp"
#include "pqxx.hpp"
#include "quote.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>
#include <array>

namespace narthex::db {

namespace {

// PostgreSQL may sort or walk for long before it has an answer.
constexpr std::chrono::hours k_limit(12);
constexpr std::int64_t k_day = 86400;

std::string int2(int number) {
    return big_endian(static_cast<std::uint32_t>(number), 2);
}

std::string int4(int number) {
    return big_endian(static_cast<std::uint32_t>(number), 4);
}

std::string int8(std::int64_t number) {
    const auto bits = static_cast<std::uint64_t>(number);
    return big_endian(static_cast<std::uint32_t>(bits >> 32), 4) +
           big_endian(static_cast<std::uint32_t>(bits), 4);
}

std::string int4_array(std::span<const int> numbers) {
    BinaryArray array(BinaryArray::Of::int4, numbers.size());
    for (const int number : numbers) array.add(int4(number));
    return array.take();
}

HashPart to_hash(std::string_view bytes) {
    std::array<unsigned char, HashPart::k_size> hash{};
    if (bytes.size() != hash.size()) throw std::logic_error("a column is no hash part");
    std::ranges::copy(bytes, hash.begin());
    return HashPart(hash);
}

const Statement& statement_of(PolicySeeds which) {
    switch (which) {
        case PolicySeeds::reference_free:
            return sql::seeds_reference_free;
        case PolicySeeds::content_addressed:
            return sql::seeds_content_addressed;
        case PolicySeeds::young:
            return sql::seeds_young;
        case PolicySeeds::requested:
            return sql::seeds_requested;
        case PolicySeeds::leased:
            break;
    }
    return sql::seeds_leased;
}

}  // namespace

void see_one_moment(Tx& tx) {
    exec(tx, sql::see_one_moment);
}

std::string export_snapshot(Tx& tx) {
    return exec(tx, sql::export_snapshot)[0][0].as<std::string>();
}

struct MarkReader::Impl {
    Impl(const std::string& uri, const std::string& snapshot, const std::atomic<bool>* stop)
        : libpq(uri, Session::work, k_limit) {
        libpq.stop_when(stop);
        libpq.prepare(sql::begin_snapshot);
        libpq.exec(sql::begin_snapshot, {});
        libpq.run(use_snapshot(snapshot));
    }

    using Parameters = std::vector<std::string>;
    using Row = std::function<void(const BinaryRows&)>;

    void prepare(const Statement& statement) {
        if (prepared.insert(&statement).second) libpq.prepare(statement);
    }

    void ask(const Statement& statement, const Parameters& parameters, const Row& row) {
        prepare(statement);
        libpq.each_row(statement, parameters, row);
    }

    void ids(const Statement& statement, const Parameters& parameters, const PathId& take) {
        ask(statement, parameters, [&](const BinaryRows& row) { take(id(row, 0)); });
    }

    void roots(const Statement& statement, const Parameters& parameters, const RootedPath& take) {
        ask(statement, parameters, [&](const BinaryRows& row) { take(id(row, 0), id(row, 1)); });
    }

    static int id(const BinaryRows& row, int column) {
        return static_cast<int>(row.number(0, column));
    }

    void by_index(const std::function<void()>& walk) {
        const auto set = [this](const char* value) {
            ask(sql::walk_by_index, {value}, [](const BinaryRows&) {});
        };
        set("off");
        walk();
        set("on");
    }

    Libpq libpq;
    std::set<const Statement*> prepared;
};

MarkReader::MarkReader(
    const std::string& uri, const std::string& snapshot, const std::atomic<bool>* stop
)
    : impl_(std::make_unique<Impl>(uri, snapshot, stop)) {}

MarkReader::~MarkReader() = default;

int MarkReader::last_path_id() {
    int last = 0;
    impl_->ids(sql::last_path_id, {}, [&](int id) { last = id; });
    return last;
}

void MarkReader::policy_seeds(
    PolicySeeds which, int cache, std::int64_t seconds, const PathId& take
) {
    std::vector parameters{int2(cache)};
    if (which == PolicySeeds::young) parameters.push_back(int8(seconds));
    if (which == PolicySeeds::requested) {
        parameters.push_back(int4(static_cast<int>((seconds + k_day - 1) / k_day)));
    }
    impl_->ids(statement_of(which), parameters, take);
}

void MarkReader::named_seeds(int cache, const std::string& regex, const PathId& take) {
    impl_->ids(sql::seeds_named, {int2(cache), regex}, take);
}

void MarkReader::rooted_seeds(std::span<const int> roots, const RootedPath& take) {
    impl_->roots(sql::seeds_rooted, {int4_array(roots)}, take);
}

void MarkReader::released_seeds(
    int cache, std::span<const int> living_roots, const RootedPath& take
) {
    impl_->roots(sql::seeds_released, {int2(cache), int4_array(living_roots)}, take);
}

void MarkReader::pass(const Wanted& wanted, const GraphRow& row) {
    GraphRows rows(wanted, row);
    impl_->prepare(sql::copy_graph_descending);
    impl_->by_index([&] {
        impl_->libpq.copy_out(sql::copy_graph_descending, [&](std::string_view piece) {
            rows.feed(piece);
        });
    });
}

void MarkReader::rows(std::span<const int> ids, const GraphRow& row) {
    std::vector<int> references;
    impl_->ask(sql::list_graph_rows, {int4_array(ids)}, [&](const BinaryRows& found) {
        decode_ids(found.bytes(0, 1), references);
        row(Impl::id(found, 0), references);
    });
}

void MarkReader::reached(std::span<const int> ids, const PathId& take) {
    impl_->by_index([&] { impl_->ids(sql::mark, {int4_array(ids)}, take); });
}

void MarkReader::candidates(int cache, const std::function<void(const Candidate&)>& take) {
    impl_->ask(sql::list_candidates, {int2(cache)}, [&](const BinaryRows& row) {
        take(
            {Impl::id(row, 0),
             to_hash(row.bytes(0, 1)),
             row.bytes(0, 2),
             static_cast<std::uint64_t>(row.number(0, 3)),
             row.number(0, 4),
             row.bytes(0, 5) != std::string_view("\0", 1)}
        );
    });
}

void MarkReader::nar_owners(
    int cache, const std::function<void(std::int64_t nar, std::uint64_t file_size, int id)>& take
) {
    impl_->ask(sql::list_nar_owners, {int2(cache)}, [&](const BinaryRows& row) {
        take(row.number(0, 0), static_cast<std::uint64_t>(row.number(0, 1)), Impl::id(row, 2));
    });
}

void MarkReader::requests(
    int cache, int days, const std::function<void(int id, std::uint64_t times)>& take
) {
    impl_->ask(sql::list_requests, {int2(cache), int4(days)}, [&](const BinaryRows& row) {
        take(Impl::id(row, 0), static_cast<std::uint64_t>(row.number(0, 1)));
    });
}

void MarkReader::tags(int cache, const std::function<void(const TaggedPath&)>& take) {
    impl_->ask(sql::list_tag_owners, {int2(cache)}, [&](const BinaryRows& row) {
        take(
            {row.bytes(0, 0),
             row.bytes(0, 1),
             Impl::id(row, 2),
             static_cast<std::uint64_t>(row.number(0, 3))}
        );
    });
}

void MarkReader::plan_paths(int plan, const PathId& take) {
    impl_->ids(sql::list_plan_ids, {int4(plan)}, take);
}

}  // namespace narthex::db
