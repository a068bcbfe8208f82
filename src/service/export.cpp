#include "narthex/service/export.hpp"

#include "narthex/db/snapshot.hpp"

#include <algorithm>
#include <set>
#include <span>

namespace narthex::service {

namespace {

// A page of texts is in memory as a whole.
constexpr int k_page = 256;

class Export {
  public:
    Export(
        const std::string& database,
        const ExportOptions& options,
        const std::function<void(std::string_view)>& write,
        const ExportEvents& events
    )
        : snapshot_(database, options.cache.id),
          options_(options),
          write_(write),
          events_(events),
          wanted_(options.closures.begin(), options.closures.end()) {}

    ExportReport run() {
        if (options_.closures.empty()) {
            write_all();
        } else {
            write_closures();
        }
        return std::move(report_);
    }

  private:
    void write_all() {
        const auto last = static_cast<std::uint64_t>(snapshot_.last_path_id());
        for (int after = 0; !stopped();) {
            const auto ids = snapshot_.path_ids(after, k_page);
            if (ids.empty()) return;
            write_page(ids);
            after = ids.back();
            tell(static_cast<std::uint64_t>(after), last);
        }
    }

    void write_closures() {
        const auto all = snapshot_.closure(options_.closures);
        for (std::size_t from = 0; from < all.size() && !stopped(); from += k_page) {
            const auto size = std::min<std::size_t>(k_page, all.size() - from);
            write_page(std::span(all).subspan(from, size));
            tell(from + size, all.size());
        }
        // Paths that nobody has named aren't in any closure.
        report_.missing.insert(report_.missing.end(), wanted_.begin(), wanted_.end());
    }

    void write_page(std::span<const int> ids) {
        for (const auto& narinfo : snapshot_.narinfos(ids, options_.hidden)) {
            wanted_.erase(narinfo.hash);
            if (!narinfo.text.empty()) {
                write(narinfo.text);
            } else if (!options_.closures.empty()) {
                report_.missing.push_back(narinfo.hash);
            }
        }
    }

    void write(const std::string& text) {
        if (report_.narinfos > 0) {
            write_("\n");
            ++report_.bytes;
        }
        write_(text);
        report_.bytes += text.size();
        ++report_.narinfos;
    }

    bool stopped() {
        report_.interrupted = events_.stop != nullptr && events_.stop->load();
        return report_.interrupted;
    }

    void tell(std::uint64_t paths, std::uint64_t all_paths) const {
        if (events_.progress) events_.progress({report_.narinfos, paths, all_paths});
    }

    db::Snapshot snapshot_;
    const ExportOptions& options_;
    const std::function<void(std::string_view)>& write_;
    const ExportEvents& events_;
    std::set<HashPart> wanted_;  // closures' roots that haven't been seen
    ExportReport report_;
};

}  // namespace

ExportReport export_narinfos(
    const std::string& database,
    const ExportOptions& options,
    const std::function<void(std::string_view)>& write,
    const ExportEvents& events
) {
    return Export(database, options, write, events).run();
}

}  // namespace narthex::service
