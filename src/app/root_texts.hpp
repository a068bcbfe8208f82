// What the commands for roots and channels read and print alike. Layer app's own.
#pragma once

#include "narthex/app/commands.hpp"
#include "narthex/core/cache.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/service/root_changes.hpp"
#include "narthex/service/roots.hpp"

#include <string>
#include <vector>

namespace narthex::app {

// Text for people: at most 1000 bytes in one line. Throws UsageError, which names the flag.
[[nodiscard]] std::string checked_note(const char* flag, const std::string& text);

// --reason, for the audit log.
struct NoteFlags {
    std::string text;
    [[nodiscard]] std::string reason() const { return checked_note("--reason", text); }
};
void add_note(Command command, NoteFlags& note);

// Throws UsageError.
void require_root_name(const std::string& name);

// The paths of a list; throws Failure, which names the file and the line.
[[nodiscard]] std::vector<BaseName> read_list(const std::string& file, const Cache& cache);

// Throws UsageError for what makes no sense, Failure for what is refused.
template <class T>
T value_of(service::RootOutcome<T> outcome) {
    if (outcome) return std::move(*outcome);
    const auto& refusal = outcome.error();
    if (refusal.fault == service::RootFault::invalid) throw UsageError(refusal.message);
    throw Failure(refusal.message);
}

void print_added(const std::string& name, const service::AddedRoot& root, const Cache& cache);

void print_root_header();
void print_root_row(const service::JudgedRoot& judged);
void print_root(const service::JudgedRoot& judged);
void print_path(const db::RootPath& path, const Cache& cache);
void print_audit(const db::AuditRow& row);

}  // namespace narthex::app
