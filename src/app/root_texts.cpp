#include "root_texts.hpp"

#include "narthex/app/time_text.hpp"
#include "narthex/core/plain_text.hpp"
#include "narthex/service/root_list_file.hpp"

#include <fmt/core.h>

namespace narthex::app {

namespace {

constexpr std::size_t k_longest_note = 1000;
constexpr const char* k_columns = "{:<32} {:<8} {:>8} {:>8} {:<21} {:<7} {:<12} {}\n";

std::string time_or_never(const std::optional<std::int64_t>& time) {
    return time ? time_text(*time) : "never";
}

std::string state_of(const service::JudgedRoot& root) {
    return root.lives ? "lives" : "doesn't";
}

// Why it lives or doesn't, and why it was made.
std::string remark_of(const service::JudgedRoot& root) {
    if (root.why.empty() || root.root.reason.empty()) return root.why + root.root.reason;
    return root.why + "; " + root.root.reason;
}

std::string full_path(const BaseName& base, const Cache& cache) {
    return StorePath{cache.store_dir, base}.to_string();
}

}  // namespace

std::string checked_note(const char* flag, const std::string& text) {
    if (text.size() <= k_longest_note && is_plain_text(text)) return text;
    throw UsageError(fmt::format("{}: at most 1000 bytes of text in one line are wanted", flag));
}

void add_note(Command command, NoteFlags& note) {
    command.add_option("--reason", note.text, "why, for the log").type_name("TEXT");
}

void require_root_name(const std::string& name) {
    if (const auto good = check_root_name(name); !good) throw UsageError(good.error().message);
}

std::vector<BaseName> read_list(const std::string& file, const Cache& cache) {
    auto paths = service::read_root_list(file, cache.store_dir);
    if (paths) return std::move(*paths);
    throw Failure(paths.error().message + "; nothing was stored");
}

void print_added(const std::string& name, const service::AddedRoot& root, const Cache& cache) {
    const auto contents = root.paths == 0
                              ? std::string("every path with such a name")
                              : fmt::format("{} path{}", root.paths, root.paths == 1 ? "" : "s");
    fmt::print("{} root {}: {}\n", to_string(root.what), name, contents);
    if (!root.lives) fmt::print("its channel's rule doesn't keep it\n");
    if (root.rescued > 0) fmt::print("{} hidden paths are served again\n", root.rescued);
    if (root.missing == 0) return;
    fmt::print("{} of them aren't here (yet); they live once they are:\n", root.missing);
    for (const auto& path : root.examples) fmt::print("  {}\n", full_path(path, cache));
    if (root.missing > root.examples.size()) {
        fmt::print("  and {} more\n", root.missing - root.examples.size());
    }
}

void print_root_header() {
    fmt::print(
        k_columns, "NAME", "KIND", "PATHS", "MISSING", "EXPIRES", "STATE", "OWNER", "REASON"
    );
}

void print_root_row(const service::JudgedRoot& judged) {
    const auto& root = judged.root;
    fmt::print(
        k_columns,
        root.name,
        to_string(root.kind),
        root.paths,
        judged.missing,
        root.channel ? "by its channel" : time_or_never(root.expires_at),
        state_of(judged),
        root.owner,
        remark_of(judged)
    );
}

void print_root(const service::JudgedRoot& judged) {
    const auto& root = judged.root;
    const auto line = [](const char* what, const std::string& value) {
        if (!value.empty()) fmt::print("{:<9}{}\n", what, value);
    };
    line("name", root.name);
    line("kind", std::string(to_string(root.kind)));
    line("item", root.item);
    line("channel", judged.channel);
    if (root.bumped_at) line("bumped", time_text(*root.bumped_at));
    if (root.kind != RootKind::pattern) {
        line("paths", fmt::format("{}, {} of them not here", root.paths, judged.missing));
    }
    line("created", time_text(root.created_at));
    if (!root.channel) line("expires", time_or_never(root.expires_at));
    line("owner", root.owner);
    line("reason", root.reason);
    line("state", judged.why.empty() ? state_of(judged) : state_of(judged) + ": " + judged.why);
}

void print_path(const db::RootPath& path, const Cache& cache) {
    const auto text = path.name.empty() ? cache.store_dir + "/" + path.hash.to_string()
                                        : full_path({path.hash, path.name}, cache);
    fmt::print("{}{}\n", text, path.served ? "" : "  (not here)");
}

void print_audit(const db::AuditRow& row) {
    const auto& audit = row.audit;
    fmt::print("{}  {:<12} {:<14} {}", time_text(row.at), audit.who, audit.action, audit.subject);
    if (!audit.reason.empty()) fmt::print("  ({})", audit.reason);
    fmt::print("\n");
}

}  // namespace narthex::app
