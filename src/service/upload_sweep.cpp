#include "narthex/service/upload_sweep.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/service/log.hpp"

#include <algorithm>

namespace narthex::service {

namespace {

// Publishers wait while a batch goes.
constexpr int k_batch = 1000;
// Longer than a database may take to find out that whoever sent a COMMIT is gone.
constexpr std::chrono::minutes k_leftover_age(10);
constexpr std::chrono::seconds k_longest_pause(600);

class Sweep {
  public:
    Sweep(db::Connection& connection, const UploadDirectory& directory)
        : connection_(connection), directory_(directory) {
        connection_.write([this](db::Tx& tx) {
            site_ = db::find_or_insert_nar_directory(tx, directory_.base());
        });
    }

    SweepReport run(std::chrono::seconds orphan_age, std::chrono::seconds leftover_age) {
        settle_leftovers(leftover_age);
        condemn(orphan_age);
        remove_condemned();
        return report_;
    }

  private:
    void settle_leftovers(std::chrono::seconds age) {
        for (const auto& leftover : directory_.leftovers(age)) {
            bool known = false;
            if (!leftover.place.empty()) {
                connection_.read([&](db::Tx& tx) {
                    known = db::is_upload_known(tx, site_, leftover.place);
                });
            }
            directory_.settle(leftover, known);
            ++report_.leftovers;
        }
    }

    void condemn(std::chrono::seconds age) {
        while (has_old(age)) {
            db::Swept swept{};
            connection_.write([&](db::Tx& tx) {
                swept = db::sweep_uploads(tx, site_, age, k_batch);
            });
            report_.condemned += swept.condemned;
            if (swept.looked_at == 0) return;
        }
    }

    // Asked without the lock that publishers wait for.
    bool has_old(std::chrono::seconds age) {
        bool any = false;
        connection_.read([&](db::Tx& tx) { any = db::has_old_uploads(tx, site_, age); });
        return any;
    }

    void remove_condemned() {
        for (auto files = condemned(); !files.empty(); files = condemned()) {
            for (const auto& file : files) {
                if (directory_.remove(file)) ++report_.removed;
            }
            connection_.write([&](db::Tx& tx) {
                for (const auto& file : files) db::forget_condemned_nar(tx, site_, file);
            });
        }
    }

    std::vector<std::string> condemned() {
        std::vector<std::string> files;
        connection_.read([&](db::Tx& tx) { files = db::list_condemned_nars(tx, site_, k_batch); });
        return files;
    }

    db::Connection& connection_;
    const UploadDirectory& directory_;
    int site_ = 0;
    SweepReport report_;
};

}  // namespace

SweepReport sweep_uploads(
    db::Connection& connection,
    const UploadDirectory& directory,
    std::chrono::seconds orphan_age,
    std::chrono::seconds leftover_age
) {
    return Sweep(connection, directory).run(orphan_age, leftover_age);
}

UploadSweep::UploadSweep(
    std::string uri, const UploadDirectory& directory, std::chrono::seconds orphan_age
)
    : uri_(std::move(uri)), directory_(directory), orphan_age_(orphan_age) {
    thread_ = std::thread([this] { run(); });
}

UploadSweep::~UploadSweep() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt();
    }
    stop_.notify_all();
    thread_.join();
}

void UploadSweep::run() {
    do {
        try {
            sweep();
        } catch (const db::NotPrimary&) {
            // Uploads are the primary's; this may become one.
        } catch (const std::exception& error) {
            log_warn("event=sweep_failed reason={}", log_text(error.what()));
        }
        const std::lock_guard lock(mutex_);
        connection_.reset();
    } while (pause());
}

void UploadSweep::sweep() {
    auto fresh = std::make_unique<db::Connection>(uri_, db::Session::publishing);
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        connection_ = std::move(fresh);
    }
    const auto leftover_age = std::min<std::chrono::seconds>(k_leftover_age, orphan_age_);
    const auto report = sweep_uploads(*connection_, directory_, orphan_age_, leftover_age);
    if (report.leftovers + report.condemned + report.removed == 0) return;
    log_info(
        "event=uploads_swept leftovers={} condemned={} removed={}",
        report.leftovers,
        report.condemned,
        report.removed
    );
}

// A tenth of the age, so that nothing stays much longer. False when stopping.
bool UploadSweep::pause() {
    const auto time = std::clamp<std::chrono::seconds>(
        orphan_age_ / 10, std::chrono::seconds(1), k_longest_pause
    );
    std::unique_lock lock(mutex_);
    return !stop_.wait_for(lock, time, [this] { return stopping_; });
}

}  // namespace narthex::service
