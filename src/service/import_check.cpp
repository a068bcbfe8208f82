#include "import_check.hpp"

#include "narthex/core/nar_url.hpp"

#include <fmt/format.h>

#include <deque>
#include <future>
#include <thread>

namespace narthex::service {

namespace {

// What one thread checks in a few milliseconds.
constexpr std::size_t k_block_records = 256;
constexpr std::size_t k_block_bytes = 1024 * 1024;

Checked refused(std::string file, std::size_t line, std::string reason) {
    return {{std::move(file), line}, std::nullopt, std::move(reason)};
}

// Blocks of records, a thread for each, as many at once as keep all cores busy.
class Blocks {
  public:
    using Visit = std::function<bool(std::vector<Checked>)>;

    Blocks(const ImportCheck& check, const Visit& visit)
        : check_(check),
          visit_(visit),
          most_(2 * std::max(std::thread::hardware_concurrency(), 1U)) {}

    // False ends the reading.
    bool add(SourceItem item) {
        bytes_ += item.record.text.size();
        block_.push_back(std::move(item));
        if (block_.size() < k_block_records && bytes_ < k_block_bytes) return true;
        start();
        return running_.size() < most_ || take();
    }

    void finish() {
        start();
        while (!running_.empty() && take()) {
        }
    }

  private:
    void start() {
        if (block_.empty()) return;
        auto work = [this, items = std::exchange(block_, {})]() mutable {
            std::vector<Checked> out;
            out.reserve(items.size());
            for (auto& item : items) out.push_back(check_.check(std::move(item)));
            return out;
        };
        running_.push_back(std::async(std::launch::async, std::move(work)));
        bytes_ = 0;
    }

    bool take() {
        auto checked = running_.front().get();
        running_.pop_front();
        return visit_(std::move(checked));
    }

    const ImportCheck& check_;
    const Visit& visit_;
    std::size_t most_;
    std::vector<SourceItem> block_;
    std::size_t bytes_ = 0;  // of block_
    std::deque<std::future<std::vector<Checked>>> running_;
};

}  // namespace

ImportCheck::ImportCheck(const ImportOptions& options)
    : options_(options), keys_(options.trusted_keys) {
    keys_.add(trusted_keys_of(options.cache));
}

Checked ImportCheck::check(SourceItem item) const {
    if (!item.problem.empty()) return refused(std::move(item.file), 0, std::move(item.problem));
    const auto line = item.record.first_line;
    if (item.record.oversized) {
        return refused(
            std::move(item.file), line, fmt::format("is larger than {} bytes", k_max_narinfo_bytes)
        );
    }
    auto parsed = Narinfo::parse(std::move(item.record.text));
    if (!parsed) {
        const auto& error = parsed.error();
        const auto at = error.line == 0 ? line : line + error.line - 1;
        return refused(std::move(item.file), at, error.reason);
    }
    auto reason = refusal(*parsed);
    if (!reason.empty()) return refused(std::move(item.file), line, std::move(reason));
    return {{std::move(item.file), line}, std::move(*parsed), {}};
}

// Why the cache doesn't want this narinfo; empty when it does.
std::string ImportCheck::refusal(const Narinfo& narinfo) const {
    const auto& cache = options_.cache;
    if (narinfo.store_path().store_dir != cache.store_dir) {
        return fmt::format(
            "is of {}, but cache {} holds {}: choose another with --cache",
            narinfo.store_path().store_dir,
            cache.name,
            cache.store_dir
        );
    }
    for (const auto& file : narinfo.files()) {
        if (names_another_server(file.url) || nar_path(file.url)) continue;
        return fmt::format("its URL {} isn't below nar/, where narthex serves NARs", file.url);
    }
    const auto trusted = check_trust(narinfo, keys_);
    return trusted ? std::string() : trusted.error().message;
}

void check_all(
    NarinfoSource& source,
    const ImportCheck& check,
    const std::function<bool(std::vector<Checked>)>& visit
) {
    Blocks blocks(check, visit);
    bool go_on = true;
    source.for_each([&](SourceItem item) { return go_on = blocks.add(std::move(item)); });
    if (go_on) blocks.finish();
}

}  // namespace narthex::service
