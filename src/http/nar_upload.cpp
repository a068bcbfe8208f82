#include "narthex/http/nar_upload.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/core/nar_url.hpp"
#include "narthex/db/narinfos.hpp"
#include "narthex/db/uploads.hpp"
#include "narthex/http/upload_texts.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <system_error>

namespace narthex::http {

namespace asio = boost::asio;

NarUpload::NarUpload(
    const UploadPlace& place, int cache, std::string url, std::shared_ptr<service::BulkShare> share
)
    : place_(place), cache_(cache), url_(std::move(url)), share_(std::move(share)) {}

// Removing a large file takes a while, and this may be a network thread.
NarUpload::~NarUpload() {
    if (!file_) return;
    asio::post(place_.disk, [file = std::shared_ptr<service::IncomingNar>(std::move(file_))] {});
}

void NarUpload::write(std::string piece, Taken taken) {
    auto work = [self = shared_from_this(), piece = std::move(piece), taken = std::move(taken)] {
        self->take(piece);
        taken(self->fault_);
    };
    asio::post(place_.disk, std::move(work));
}

void NarUpload::end(Done done) {
    asio::post(place_.disk, [self = shared_from_this(), done = std::move(done)] {
        self->finish(done);
    });
}

void NarUpload::take(const std::string& piece) {
    if (fault_) return;
    try {
        if (!file_) file_ = place_.directory.receive();
        file_->write(piece);
    } catch (const std::system_error& error) {
        fault_ = disk_fault(error);
        file_.reset();
    }
}

void NarUpload::finish(const Done& done) {
    if (!file_ && !fault_) fault_ = text_answer(400, "400: this NAR is empty");
    if (!fault_) place_file();
    if (!fault_) return publish(done);
    file_.reset();
    done(*fault_);
}

void NarUpload::place_file() {
    hash_ = file_->hash();
    const auto named = hash_in_nar_path(url_);
    if (named && *named != *hash_) {
        fault_ = text_answer(
            400,
            fmt::format(
                "400: {} is named after another hash than its {} bytes have ({}): upload it again",
                url_,
                file_->size(),
                hash_->to_nix()
            )
        );
        return;
    }
    try {
        path_ = file_->place(*hash_);
    } catch (const std::system_error& error) {
        fault_ = disk_fault(error);
    }
}

void NarUpload::publish(const Done& done) {
    service::PublishTask task;
    task.deadline = std::chrono::steady_clock::now() + place_.publish_limit;
    task.run = [self = shared_from_this(), done](db::Connection& connection) {
        self->store(connection, done);
    };
    task.fail = [self = shared_from_this(),
                 done](service::PublishFault fault, const std::string& reason) {
        if (fault == service::PublishFault::in_doubt) self->file_->leave();
        self->file_.reset();
        done(publish_fault(fault, reason));
    };
    place_.publishing.submit(std::move(task));
}

void NarUpload::store(db::Connection& connection, const Done& done) {
    ++attempts_;
    auto fate = db::NarFate::conflict;
    connection.write([&](db::Tx& tx) {
        const int site = db::find_or_insert_nar_directory(tx, place_.directory.base());
        // A commit of an earlier attempt that nobody heard of.
        if (attempts_ > 1 && db::is_upload_known(tx, site, path_)) {
            fate = db::NarFate::added;
            return;
        }
        fate = db::store_nar(tx, {cache_, url_, *hash_, file_->size(), site, path_});
    });
    if (fate == db::NarFate::added) {
        file_->commit();
        done(text_answer(201, "stored"));
        return;
    }
    file_.reset();
    if (fate == db::NarFate::present) return done(text_answer(200, "already there"));
    done(text_answer(
        409, fmt::format("409: {} is there with other bytes, which stay: use another name", url_)
    ));
}

}  // namespace narthex::http
