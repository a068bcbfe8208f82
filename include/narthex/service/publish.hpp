// Whether an uploaded narinfo is accepted, and what becomes of it: one transaction, so that what is
// served is complete at every moment, whoever publishes at the same time.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/narinfo.hpp"
#include "narthex/db/connection.hpp"

#include <string>
#include <vector>

namespace narthex::service {

// Of a server, for all its caches.
struct PublishKeys {
    std::vector<PublicKey> trusted;  // beside those of the cache
    std::vector<SecretKey> signing;  // for caches with sign_uploads: each of them signs
};

enum class Verdict {
    added,
    present,      // it was there; signatures that were new are kept
    wrong,        // the narinfo doesn't fit its NAR, or its cache
    not_trusted,  // nobody that is trusted here has signed it
    incomplete,   // its NAR or its references aren't there
    conflict,     // the cache has the path with other contents, which stay
};

struct Published {
    Verdict verdict;
    std::string reason;  // for people, one line; empty when it is accepted
};

// References that are hidden are served again, and so is the path itself. Never commits; has
// changed nothing where it refuses, but for what it rescued when another publisher of the path was
// faster.
[[nodiscard]] Published publish_narinfo(
    db::Tx& tx, const Cache& cache, const PublishKeys& keys, const Narinfo& narinfo
);

}  // namespace narthex::service
