#include "narthex/service/kept_nar_sweep.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/kept_nars.hpp"
#include "narthex/service/kept_paths.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::service {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_chunk = 1000;
constexpr std::chrono::hours k_pause(1);
constexpr std::chrono::hours k_age(24);

// What somebody else put there stays.
bool may_be_ours(std::string_view path) {
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    return path.starts_with("nar/") && std::ranges::all_of(path, is_ascii);
}

// Files of the directory, gathered until there are enough for a statement.
class Sweep {
  public:
    Sweep(
        db::Connection& connection,
        const KeptNars& kept,
        std::chrono::seconds age,
        int keep_days,
        const std::atomic<bool>& stopping
    )
        : connection_(connection),
          kept_(kept),
          oldest_(fs::file_time_type::clock::now() - age),
          keep_days_(keep_days),
          stopping_(stopping) {}

    std::size_t run() {
        if (!fs::exists(kept_.directory()) || !has_rows()) return 0;
        for (const auto& cache : fs::directory_iterator(kept_.directory())) {
            const auto name = cache.path().filename().string();
            if (!name.starts_with('.') && cache.is_directory()) walk(name, cache.path());
        }
        remove_unnamed();
        return removed_;
    }

  private:
    bool has_rows() {
        bool any = false;
        connection_.read([&](db::Tx& tx) { any = db::has_nars(tx); });
        return any;
    }

    void walk(const std::string& cache, const fs::path& below) {
        for (const auto& entry : fs::recursive_directory_iterator(below)) {
            if (stopping_) return;
            if (!entry.is_regular_file() || entry.last_write_time() > oldest_) continue;
            auto url = entry.path().lexically_relative(below).string();
            if (!may_be_ours(url)) continue;
            caches_.push_back(cache);
            urls_.push_back(std::move(url));
            if (urls_.size() == k_chunk) remove_unnamed();
        }
    }

    void remove_unnamed() {
        if (stopping_) return;
        std::vector<bool> named;
        std::vector<bool> purged(urls_.size());
        connection_.read([&](db::Tx& tx) {
            // In this order: what is purged in between is in the archive by then.
            named = db::are_named(tx, caches_, urls_);
            if (keep_days_ > 0) purged = db::are_purged_lately(tx, caches_, urls_, keep_days_);
        });
        for (std::size_t i = 0; i < named.size(); ++i) {
            if (named[i] || purged[i]) continue;
            if (fs::remove(kept_.path_of(caches_[i], urls_[i]))) ++removed_;
        }
        caches_.clear();
        urls_.clear();
    }

    db::Connection& connection_;
    const KeptNars& kept_;
    fs::file_time_type oldest_;
    int keep_days_;
    const std::atomic<bool>& stopping_;
    std::vector<std::string> caches_;
    std::vector<std::string> urls_;
    std::size_t removed_ = 0;
};

// Where rows of NARs are whole.
bool may_sweep(const db::Instance& instance) {
    const bool was_promoted = instance.role == db::InstanceRole::primary && instance.epoch > 1;
    return instance.role == db::InstanceRole::region || was_promoted;
}

}  // namespace

std::size_t sweep_kept_nars(
    db::Connection& connection,
    const KeptNars& kept,
    std::chrono::seconds age,
    int keep_days,
    const std::atomic<bool>& stopping
) {
    return Sweep(connection, kept, age, keep_days, stopping).run();
}

KeptNarSweep::KeptNarSweep(
    std::string uri, const KeptNars& kept, int keep_days, InstanceNow instance
)
    : uri_(std::move(uri)), kept_(kept), keep_days_(keep_days), instance_(std::move(instance)) {
    thread_ = std::thread([this] { run(); });
}

KeptNarSweep::~KeptNarSweep() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    stop_.notify_all();
    thread_.join();
}

void KeptNarSweep::run() {
    std::unique_lock lock(mutex_);
    do {
        lock.unlock();
        try {
            if (kept_.keeps() && may_sweep(*instance_())) sweep();
        } catch (const std::exception& error) {
            log_warn("event=nar_sweep_failed reason={}", log_text(error.what()));
        }
        lock.lock();
        connection_.reset();
    } while (!stop_.wait_for(lock, k_pause, [this] { return stopping_.load(); }));
}

void KeptNarSweep::sweep() {
    auto fresh = std::make_unique<db::Connection>(uri_, db::Session::work);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        connection_ = std::move(fresh);
    }
    kept_.remove_leftovers();
    // After its promotion it obeys itself.
    const int keep_days = may_keep_purged(*instance_()) ? keep_days_ : 0;
    const auto removed = sweep_kept_nars(*connection_, kept_, k_age, keep_days, stopping_);
    if (removed > 0) log_info("event=kept_nars_swept removed={}", removed);
}

}  // namespace narthex::service
