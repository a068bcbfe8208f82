// Takes what clients upload (docs/protocol.md): NARs go to the disk as they come (NarUpload), what
// is small is gathered by the session and worked on here, when it is its turn, on the threads for
// uploads. Any thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/companion.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/nar_upload.hpp"
#include "narthex/http/options.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/access.hpp"
#include "narthex/service/bulk.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/epochs.hpp"
#include "narthex/service/publish.hpp"
#include "narthex/service/publishing.hpp"
#include "narthex/service/upload_directory.hpp"

#include <boost/asio/thread_pool.hpp>

#include <memory>
#include <optional>
#include <string>

namespace narthex::http {

struct UploadPlan {
    std::shared_ptr<service::BulkShare> share;  // for a body that is gathered
    std::shared_ptr<BodySink> sink;             // for one that isn't
};

class UploadAnswers {
  public:
    using Done = std::function<void(Answer)>;

    // All outlive it.
    UploadAnswers(
        const service::Catalog& catalog,
        const service::Access& access,
        service::Publishing& publishing,
        service::Epochs& epochs,
        boost::asio::thread_pool& disk,
        const service::PublishKeys& keys,
        const UploadLimits& limits
    );

    // Where NARs go; without, no uploads are taken. Before the first request; it outlives this.
    void take_into(const service::UploadDirectory& directory) { directory_ = &directory; }

    // Until `may_write` says so, uploads are told to come later. Before the first request; any
    // thread calls it.
    void wait_for(std::function<bool()> may_write) { may_write_ = std::move(may_write); }

    [[nodiscard]] const UploadLimits& limits() const { return limits_; }

    // Whether that may be uploaded at all.
    [[nodiscard]] static bool takes(Resource resource);

    // Why the body of this PUT isn't even read. Absent when it is.
    [[nodiscard]] std::optional<Answer> fault(const Request& request, const Route& to) const;

    // The same of its size alone.
    [[nodiscard]] std::optional<Answer> size_fault(const Request& request, const Route& to) const;

    // The memory for a PUT that has a length. Null when too much is in use.
    [[nodiscard]] std::shared_ptr<service::BulkShare> enter(const Request& request, const Route& to)
        const;

    // For a PUT without a fault. Absent when too many are under way.
    [[nodiscard]] std::optional<UploadPlan> plan(const Request& request, const Route& to) const;

    // Of a body that was gathered. `done` is called once, on some other thread, unless the client
    // is gone.
    void answer(BulkAsk ask, Done done);

  private:
    [[nodiscard]] std::uint64_t most_bytes(const Route& to) const;
    void start(BulkAsk ask, const Done& done);
    void start_narinfo(
        const Cache& cache, const HashPart& hash, std::string text, const Done& done
    );
    void lease(db::Tx& tx, const Cache& cache, const Narinfo& narinfo) const;
    void start_companion(
        const Cache& cache, const CompanionPath& path, std::string content, const Done& done
    );
    void submit(const Done& done, std::function<Answer(db::Connection&)> run);

    const service::Catalog& catalog_;
    const service::Access& access_;
    service::Publishing& publishing_;
    service::Epochs& epochs_;
    boost::asio::thread_pool& disk_;
    service::PublishKeys keys_;
    UploadLimits limits_;
    service::BulkRoom room_;
    const service::UploadDirectory* directory_ = nullptr;
    std::function<bool()> may_write_ = [] { return true; };
};

}  // namespace narthex::http
