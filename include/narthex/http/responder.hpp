// What a session asks for answers. Never waits: what the database or a disk must be asked for, it
// names. Any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/mailbox.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/catalog.hpp"
#include "narthex/service/lookups.hpp"

#include <chrono>
#include <variant>
#include <vector>

namespace narthex::http {

// What a request gets: an answer, or one as soon as this is looked up.
struct Response {
    Resource kind;
    std::variant<Answer, service::LookupKey> what;
};

class Responder {
  public:
    using Clock = std::chrono::steady_clock;

    Responder() = default;
    virtual ~Responder() = default;
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;

    // `caches`: as lately had from the catalog.
    [[nodiscard]] virtual Response respond(
        const Request& request, const std::vector<Cache>& caches, Clock::time_point now
    ) = 0;

    // The answer to a request that was looked up; not for NARs that were found, which nar_answer
    // makes of their files.
    [[nodiscard]] virtual Answer answer(const Request& request, const Mail& mail) const = 0;

    // The answer to a request whose lookup took too long or failed.
    [[nodiscard]] virtual Answer unavailable(const Request& request) const = 0;

    [[nodiscard]] virtual const service::Catalog& catalog() const = 0;
    [[nodiscard]] virtual std::chrono::milliseconds lookup_timeout() const = 0;
};

}  // namespace narthex::http
