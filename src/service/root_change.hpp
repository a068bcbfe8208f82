// What the changes of roots and channels have in common. Layer service's own.
#pragma once

#include "narthex/db/connection.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/root_changes.hpp"

#include <fmt/format.h>

#include <string>

namespace narthex::service {

inline RootRefusal invalid(std::string message) {
    return {RootFault::invalid, std::move(message)};
}

inline RootRefusal conflict(std::string message) {
    return {RootFault::conflict, std::move(message)};
}

inline RootRefusal no_channel(const std::string& name) {
    return {
        RootFault::absent,
        fmt::format(
            "there is no channel {0}; 'narthex channel set {0} --status STATUS' makes one", name
        )};
}

inline RootRefusal is_protected(const std::string& name) {
    return conflict(
        fmt::format("{} is never to be deleted; --force-never-delete does it all the same", name)
    );
}

// Runs `job` in a transaction that shares the publishing lock, taken in a statement of its own, so
// that what follows sees what others committed. Nothing of it happens where it refuses.
template <class T, class Job>
RootOutcome<T> change(db::Connection& connection, const Job& job) {
    struct RolledBack {};
    RootOutcome<T> outcome = RootRefusal{};
    try {
        connection.write([&](db::Tx& tx) {
            db::share_publishing(tx);
            outcome = job(tx);
            if (!outcome) throw RolledBack{};
        });
    } catch (const RolledBack&) {
    }
    return outcome;
}

}  // namespace narthex::service
