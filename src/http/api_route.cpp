#include "narthex/http/api_route.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/core/quote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace narthex::http {

namespace {

constexpr std::string_view k_prefix = "/api/v1/";

constexpr Scope k_roots[] = {Scope::roots};
constexpr Scope k_gc[] = {Scope::gc};
constexpr Scope k_either[] = {Scope::roots, Scope::gc};
constexpr Scope k_replica[] = {Scope::replica};
constexpr Scope k_followers[] = {Scope::read, Scope::gc};

constexpr std::array<ApiRow, 13> k_table{{
    {"roots", Method::get, ApiCall::list_roots, k_roots, " cache all "},
    {"roots/{name}", Method::get, ApiCall::show_root, k_roots, " cache paths from limit "},
    {"roots/{name}", Method::put, ApiCall::put_root, k_roots, " cache "},
    {"roots/{name}",
     Method::del,
     ApiCall::delete_root,
     k_roots,
     " cache reason force_never_delete "},
    {"channels", Method::get, ApiCall::list_channels, k_roots, " cache "},
    {"channels/{name}", Method::put, ApiCall::put_channel, k_roots, " cache "},
    {"channels/{name}", Method::del, ApiCall::delete_channel, k_roots, " cache reason with_bumps "},
    {"channels/{name}/bumps", Method::post, ApiCall::add_bump, k_roots, " cache "},
    {"audit", Method::get, ApiCall::list_audit, k_either, " cache since before limit "},
    {"plans", Method::get, ApiCall::list_plans, k_gc, " cache limit "},
    {"plans/{name}", Method::get, ApiCall::show_plan, k_gc, " cache "},
    {"changes", Method::get, ApiCall::list_changes, k_followers, " cache after limit wait "},
    {"regions", Method::get, ApiCall::list_regions, k_replica, " cache "},
}};

const ApiRow& row_of(ApiCall call) {
    return *std::ranges::find(k_table, call, &ApiRow::call);
}

std::string_view name_of(Method method) {
    if (method == Method::get) return "GET, HEAD";
    if (method == Method::put) return "PUT";
    return method == Method::post ? "POST" : "DELETE";
}

// "roots/{name}" of "roots/a%2Fb", whose second component is the name.
struct Pattern {
    std::string path;
    std::string name;
};
std::optional<Pattern> pattern_of(std::string_view path) {
    const auto begin = path.find('/');
    if (begin == std::string_view::npos) return Pattern{std::string(path), ""};
    const auto end = std::min(path.find('/', begin + 1), path.size());
    auto name = percent_decode(path.substr(begin + 1, end - begin - 1));
    if (!name || name->empty()) return std::nullopt;
    return Pattern{
        fmt::format("{}/{{name}}{}", path.substr(0, begin), path.substr(end)), std::move(*name)};
}

}  // namespace

std::optional<ApiRoute> api_route(Method method, std::string_view path) {
    if (!path.starts_with(k_prefix)) return std::nullopt;
    auto pattern = pattern_of(path.substr(k_prefix.size()));
    if (!pattern) return std::nullopt;
    if (method == Method::head) method = Method::get;
    ApiRoute route{std::nullopt, std::move(pattern->name), ""};
    for (const auto& row : k_table) {
        if (row.path != pattern->path) continue;
        if (row.method == method) route.call = row.call;
        if (!route.allowed.empty()) route.allowed += ", ";
        route.allowed += name_of(row.method);
    }
    if (route.allowed.empty()) return std::nullopt;
    return route;
}

std::span<const ApiRow> api_table() {
    return k_table;
}

std::span<const Scope> scopes_of(ApiCall call) {
    return row_of(call).scopes;
}

bool takes_body(ApiCall call) {
    const auto method = row_of(call).method;
    return method == Method::put || method == Method::post;
}

Result<ApiQuery> ApiQuery::parse(ApiCall call, std::optional<std::string_view> query) {
    ApiQuery parsed;
    auto rest = query.value_or("");
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto pair = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (pair.empty()) continue;
        const auto equals = std::min(pair.find('='), pair.size());
        const std::string name(pair.substr(0, equals));
        auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())));
        if (!value) return Error{quote(pair) + " is no parameter: it isn't percent-encoded"};
        if (row_of(call).parameters.find(" " + name + " ") == std::string_view::npos) {
            return Error{"there is no parameter " + quote(name) + " here"};
        }
        if (!parsed.values_.emplace(name, std::move(*value)).second) {
            return Error{"the parameter " + name + " is there twice"};
        }
    }
    return parsed;
}

std::optional<std::string> ApiQuery::text(const std::string& name) const {
    const auto at = values_.find(name);
    if (at == values_.end()) return std::nullopt;
    return at->second;
}

Result<std::int64_t> ApiQuery::number(
    const std::string& name, std::int64_t standard, std::int64_t least, std::int64_t most
) const {
    const auto given = text(name);
    if (!given) return standard;
    std::int64_t number = 0;
    const char* end = given->data() + given->size();
    const auto parsed = std::from_chars(given->data(), end, number);
    if (parsed.ec == std::errc{} && parsed.ptr == end && number >= least && number <= most) {
        return number;
    }
    return Error{fmt::format("{} has to be a number from {} to {}", name, least, most)};
}

Result<bool> ApiQuery::flag(const std::string& name) const {
    const auto given = text(name).value_or("false");
    if (given == "true" || given == "1") return true;
    if (given == "false" || given == "0") return false;
    return Error{name + " has to be true or false"};
}

}  // namespace narthex::http
