// What a session asks for answers. Never waits: what the database or a disk must be asked for, it
// names. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/body_sink.hpp"
#include "narthex/http/bulk_answers.hpp"
#include "narthex/http/mailbox.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace narthex::http {

// What a request gets: an answer, or one as soon as this is looked up or worked on.
struct Response {
    Resource kind;
    std::variant<Answer, service::LookupKey, BulkWork> what;
    bool is_private = false;  // what comes of a lookup goes through make_private()
    bool leases = false;      // a lookup is a publisher's: its path is leased first
};

// A request whose body is taken: `bytes` after its head.
struct BodyPlan {
    Resource kind;
    std::uint64_t bytes;
    std::shared_ptr<service::BulkShare> share;
    std::shared_ptr<BodySink> sink = nullptr;  // null: the body is gathered in memory
    bool to_primary = false;                   // of BulkWork
};

class Responder {
  public:
    using Clock = std::chrono::steady_clock;

    Responder() = default;
    virtual ~Responder() = default;
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;

    // The plan for a request whose body is to be read before it is answered. Absent for all others:
    // respond() answers them, and a body that they have is never read. To be asked for POST,
    // PUT and QUERY. `caches`: as lately had from the catalog.
    [[nodiscard]] virtual std::optional<BodyPlan> body_plan(
        const Request& request, const std::vector<Cache>& caches
    ) const = 0;

    [[nodiscard]] virtual Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    ) = 0;

    // The answer to a request that was looked up; not for NARs that were found, which nar_answer
    // makes of their files.
    [[nodiscard]] virtual Answer answer(const Request& request, const Mail& mail) const = 0;

    // Whether NARs that are found are to be worked on, instead of sent from where they were found.
    [[nodiscard]] virtual bool works_on_nars() const { return false; }

    // Works on a request that respond() said so of, or whose body was taken without a sink. `done`
    // is called once, on some other thread, unless the client is gone.
    virtual void work(BulkAsk ask, std::function<void(Answer)> done) = 0;
    // How long that may take, from when it begins.
    [[nodiscard]] virtual std::chrono::milliseconds work_limit(const Request& request) const = 0;

    // The answer to a request whose lookup took too long or failed.
    [[nodiscard]] virtual Answer unavailable(const Request& request) const = 0;

    [[nodiscard]] virtual const service::Catalog& catalog() const = 0;
    [[nodiscard]] virtual std::chrono::milliseconds lookup_timeout() const = 0;
};

}  // namespace narthex::http
