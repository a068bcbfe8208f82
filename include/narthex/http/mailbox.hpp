// Between the sessions of one network thread and the lookup threads: gathers what the thread's
// sessions ask within a turn of its loop into one submission, and hands what one statement answered
// to them in one turn. Narinfos are kept in memory as they come, on the lookup thread.
#pragma once

#include "narthex/http/narinfo_cache.hpp"
#include "narthex/service/leases.hpp"
#include "narthex/service/lookups.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace narthex::http {

struct Mail {
    std::weak_ptr<void> client;
    std::uint64_t id;
    service::LookupAnswer::Status status;
    std::shared_ptr<const NarinfoAnswer> narinfo;  // of a path that is found, or kept
    std::vector<std::string> files;                // of a NAR that is found
    std::string redirect;                          // of one that another server has
    std::shared_ptr<const db::NarFacts> facts;     // of a NAR that is found
};

class Mailbox : public service::LookupReceiver {
  public:
    // `deliver` is called on the thread of `io`. All outlive the mailbox, which outlives Lookups.
    Mailbox(
        boost::asio::io_context& io,
        service::Lookups& lookups,
        service::Leases& leases,
        NarinfoCache& cache,
        std::function<void(std::vector<Mail>)> deliver
    );

    // On the network thread. `leases`: the key is a path's, which is leased first.
    void ask(
        service::LookupKey key,
        std::chrono::steady_clock::time_point deadline,
        std::weak_ptr<void> client,
        std::uint64_t id,
        bool leases
    );

    void answered(std::vector<service::Answered> batch) override;

  private:
    void submit();
    void open();

    boost::asio::io_context& io_;
    service::Lookups& lookups_;
    service::Leases& leases_;
    NarinfoCache& cache_;
    std::function<void(std::vector<Mail>)> deliver_;
    std::vector<service::Lookup> asked_;     // on the network thread
    std::vector<service::Lookup> to_lease_;  // there, too
    std::mutex mutex_;
    std::vector<Mail> inbox_;
};

}  // namespace narthex::http
