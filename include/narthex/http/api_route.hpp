// The admin API's table: which call a method and a path are, and what a token must allow for it.
// docs/openapi.json says the same, and tests hold the two together. Pure, any thread.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/core/token.hpp"
#include "narthex/http/request.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace narthex::http {

enum class ApiCall {
    list_roots,
    show_root,
    put_root,
    delete_root,
    list_channels,
    put_channel,
    delete_channel,
    add_bump,
    list_audit,
    list_plans,
    show_plan,
    list_changes,
    list_regions,
};

struct ApiRoute {
    std::optional<ApiCall> call;  // absent: the path knows no such method
    std::string name;             // of the root, the channel or the plan
    std::string allowed;          // the path's methods: "GET, HEAD, PUT"
};
// Absent when the API has no such path. `path` is that of a target, percent-encoded.
[[nodiscard]] std::optional<ApiRoute> api_route(Method method, std::string_view path);

struct ApiRow {
    std::string_view path;  // below /api/v1/; {name}: see ApiRoute
    Method method;
    ApiCall call;
    std::span<const Scope> scopes;  // a token needs one of them
    std::string_view parameters;    // of the query, with a space before and behind each
};
[[nodiscard]] std::span<const ApiRow> api_table();

// A token needs one of these.
[[nodiscard]] std::span<const Scope> scopes_of(ApiCall call);

// The call has a body, of JSON.
[[nodiscard]] bool takes_body(ApiCall call);

// The parameters of a call's query: "cache=default&limit=10".
class ApiQuery {
  public:
    // The error names what is wrong; a parameter that the call doesn't know is, too.
    [[nodiscard]] static Result<ApiQuery> parse(
        ApiCall call, std::optional<std::string_view> query
    );

    // Absent when it isn't there.
    [[nodiscard]] std::optional<std::string> text(const std::string& name) const;
    [[nodiscard]] Result<std::int64_t> number(
        const std::string& name, std::int64_t standard, std::int64_t least, std::int64_t most
    ) const;
    // "true" or "1"; "false" or "0" and absent are false.
    [[nodiscard]] Result<bool> flag(const std::string& name) const;

  private:
    std::map<std::string, std::string> values_;
};

}  // namespace narthex::http
