// A region's side: its subscription, how far its copy is, what it is before and after. Functions
// take a transaction, never commit, and need a superuser.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/instance.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace narthex::db {

struct SubscriberSetup {
    int version;  // 150020
    bool is_superuser;
};
[[nodiscard]] SubscriberSetup find_subscriber_setup(Tx& tx);

struct FoundCache {
    std::string name;
    std::string store_dir;
};
// What a copy would replace: the replicated tables that have rows, and caches that aren't as every
// database is made.
struct OwnRows {
    std::vector<std::string> tables;
    std::vector<FoundCache> caches;
};
[[nodiscard]] OwnRows find_own_rows(Tx& tx);

struct Joining {
    std::string name;
    std::string kind;
    std::string url;          // empty: as it is
    std::string primary_url;  // may be empty
    std::int64_t epoch;
    std::string token;
    std::string uri;  // of the primary, with the lasting password
};
// Empties the tables and makes the subscription, which connects to nothing yet. Until end_joining
// nobody hears of what is copied. An older subscription has to be gone. What was counted under the
// same name stays, and is sent (again).
void begin_joining(Tx& tx, const Joining& joining);

// The copy is complete: it is a region now. Whoever keeps answers in memory forgets them.
void end_joining(Tx& tx);

// Off, and without its slot, which isn't dropped with it then.
void detach_subscription(Tx& tx);

// Drops the subscription and leaves its slots at the primary alone; does nothing when there is
// none. What is applied stays.
void drop_subscription(Tx& tx);

// The copy, the name, the primary are forgotten: as a new database.
void become_empty(Tx& tx);

// What a region has to be rid of to write: its role, sequences that stand where they stood when it
// was made, transaction ids of another cluster, the regions of the primary that it replaces. Its
// subscription has to be gone or off.
void become_primary(Tx& tx, std::int64_t epoch);

// Past what this instance and its primary have had.
[[nodiscard]] std::int64_t next_epoch(Tx& tx);

// When the primary wrote the heartbeat that was applied last, seconds since 1970 by its clock.
[[nodiscard]] std::optional<std::int64_t> heartbeat_time(Tx& tx);

struct Subscription {
    std::int64_t id;
    bool enabled;
    std::string slot;
    std::int64_t errors;
    bool running;  // its worker is there
    // Of this PostgreSQL: with the id in the names of the slots with which tables are copied.
    std::int64_t system_identifier;
};
[[nodiscard]] std::optional<Subscription> find_subscription(Tx& tx);

void enable_subscription(Tx& tx);
void disable_subscription(Tx& tx);

// Asks the primary which tables there are, and begins to copy those that are new. It has to be
// enabled. Not in a transaction: PostgreSQL refuses that. Throws Unavailable or QueryFailed.
void refresh_subscription(const std::string& uri);

struct TableState {
    std::string table;
    // i: the copy hasn't begun; d: under way; f: done; s: with the changes since; r: follows
    // (PostgreSQL, pg_subscription_rel).
    char state;
    std::int64_t copied;  // rows, while it is under way
};
[[nodiscard]] std::vector<TableState> list_table_states(Tx& tx, const Subscription& subscription);

// Seconds since 1970, by this database's clock: of the region or, there, of its primary.
[[nodiscard]] double read_clock(Tx& tx);

// How old the heartbeat is that was applied last, by a clock. Absent: there was none.
[[nodiscard]] std::optional<double> heartbeat_age(Tx& tx, double clock);

// So that plans are made for what there is now.
void analyze(Tx& tx);

}  // namespace narthex::db
