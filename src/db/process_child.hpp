// What a forked child does before exec. Other threads may have held any lock when we forked, so
// only async-signal-safe calls are made here: nothing allocates, nothing throws.
#pragma once

#include "process.hpp"

#include <sys/types.h>

#include <cerrno>
#include <string>

namespace narthex::db {

struct ChildPlan {
    char* const* argv = nullptr;
    char* const* envp = nullptr;
    Identity identity{};
    pid_t parent = 0;
    bool detached = false;  // outlives us; else it is killed when we are
    // All above 4.
    int null_fd = -1;
    int output_fd = -1;
    int report_fd = -1;
    int kept_fd = -1;  // -1: none
};

// What the child writes: its process id, then the errno of the step that failed, if one did.
struct ChildReport {
    pid_t pid = 0;
    int failed = 0;
};

[[noreturn]] void run_child(const ChildPlan& plan);

// Reads until the child has become the program, or died.
void read_report(int fd, ChildReport& report);

// Gives up root for good; false if that failed. True at once when we are `who`.
[[nodiscard]] bool become(const Identity& who);

// Ends a forked child: _exit, but a sanitizer's report on the parent's threads can't interfere.
[[noreturn]] void leave(int code);

[[nodiscard]] std::string os_error(int error = errno);

}  // namespace narthex::db
