// A NAR that is uploaded: written to the disk and hashed as it comes, on threads of its own, then
// made known to the database. A client that goes away leaves nothing behind.
#pragma once

#include "narthex/http/body_sink.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/publishing.hpp"
#include "narthex/service/upload_directory.hpp"

#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace narthex::http {

// What uploads work with. Outlives them.
struct UploadPlace {
    const service::UploadDirectory& directory;
    service::Publishing& publishing;
    boost::asio::thread_pool& disk;
    std::chrono::milliseconds publish_limit;  // for the database to answer
};

class NarUpload : public BodySink, public std::enable_shared_from_this<NarUpload> {
  public:
    // `url`: as in nar_path. `share`: of the memory for its pieces.
    NarUpload(
        const UploadPlace& place,
        int cache,
        std::string url,
        std::shared_ptr<service::BulkShare> share
    );
    ~NarUpload() override;
    NarUpload(const NarUpload&) = delete;
    NarUpload& operator=(const NarUpload&) = delete;

    void write(std::string piece, Taken taken) override;
    void end(Done done) override;

  private:
    void take(const std::string& piece);
    void finish(const Done& done);
    void place_file();
    void publish(const Done& done);
    void store(db::Connection& connection, const Done& done);

    UploadPlace place_;
    int cache_;
    std::string url_;
    std::shared_ptr<service::BulkShare> share_;
    std::unique_ptr<service::IncomingNar> file_;
    std::optional<Sha256> hash_;
    std::string path_;             // of the file, once it is placed
    std::optional<Answer> fault_;  // why no more is wanted
    int attempts_ = 0;             // to tell the database
};

}  // namespace narthex::http
