// What a region lets its primary answer, and what of a request and of its answer goes along. Fields
// that are a hop's own (Connection, Host, Expect, ...) never do. Pure, any thread.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"
#include "narthex/http/route.hpp"
#include "narthex/service/exchange.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

// Whether only the primary can answer: what writes, and a publisher's questions of what is there,
// since who is told that it is relies on a lease. `publishes`: the request's token may publish
// there.
[[nodiscard]] bool is_for_primary(Method method, Resource resource, bool publishes);

// `primary_url` with the path and the query of `target`.
[[nodiscard]] std::string url_at_primary(std::string_view primary_url, std::string_view target);

// `instance`: the id of the one that relays. To its primary a request that has one is the last
// hop's: it is never relayed again.
[[nodiscard]] std::vector<std::string> relayed_fields(
    const Request& request, std::string_view instance
);

// Of those, what says which part of a thing is wanted: for what isn't asked in the client's name.
[[nodiscard]] std::vector<std::string> range_fields(const Request& request);

[[nodiscard]] std::string_view method_name(Method method);

// The head of the primary's answer as clients get it. `length` of its body; absent: it has none.
// Absent for a status that narthex doesn't send: something else answered.
[[nodiscard]] std::optional<HeadBuilder> relayed_head(
    const service::ExchangeHead& head, std::optional<std::uint64_t> length
);

}  // namespace narthex::http
