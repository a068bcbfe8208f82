// SIGINT and SIGTERM for commands that end by themselves. The first one asks them to end soon and
// in order (an embedded PostgreSQL that nobody needs is stopped, an import stores what it has), the
// second ends the program at once.
#pragma once

#include <atomic>

namespace narthex::app {

// From now on. A blocked read() returns with EINTR at the first signal.
void catch_interrupts();

// Set by the first signal.
[[nodiscard]] const std::atomic<bool>& interrupted();

}  // namespace narthex::app
