#include "api_calls.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/plans.hpp"
#include "narthex/db/region_status.hpp"
#include "narthex/http/api_body.hpp"
#include "narthex/http/region_json.hpp"
#include "narthex/http/root_json.hpp"
#include "narthex/service/roots.hpp"
#include "narthex/service/time_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

namespace narthex::http {

namespace {

using nlohmann::json;
using service::AddedRoot;

constexpr std::int64_t k_most_rows = 10'000;

Answer refused(const service::RootRefusal& refusal) {
    const int status = refusal.fault == service::RootFault::invalid  ? 400
                       : refusal.fault == service::RootFault::absent ? 404
                                                                     : 409;
    return text_answer(status, fmt::format("{}: {}", status, refusal.message));
}

std::optional<int> parse_id(std::string_view text) {
    int id = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size();
    return whole ? std::optional(id) : std::nullopt;
}

// --- roots ---

Answer list_roots(db::Connection& connection, const ApiRequest& request) {
    const auto all = request.query.flag("all");
    if (!all) return bad_request(all.error().message);
    auto out = json::array();
    connection.read([&](db::Tx& tx) {
        auto roots = service::judge_roots(tx, request.cache.id, request.author.now);
        if (!*all) std::erase_if(roots, [](const auto& root) { return !root.lives; });
        service::count_missing(tx, roots);
        for (const auto& root : roots) out.push_back(root_json(root));
    });
    return json_answer(200, {{"roots", std::move(out)}});
}

struct RootPages {
    bool wanted;
    std::size_t from;
    std::size_t limit;
};
Result<RootPages> pages_of(const ApiQuery& query) {
    const auto wanted = query.flag("paths");
    if (!wanted) return wanted.error();
    const auto from = query.number("from", 0, 0, std::numeric_limits<int>::max());
    if (!from) return from.error();
    const auto limit = query.number("limit", 1000, 1, k_most_rows);
    if (!limit) return limit.error();
    return RootPages{*wanted, static_cast<std::size_t>(*from), static_cast<std::size_t>(*limit)};
}

Answer show_root(db::Connection& connection, const ApiRequest& request) {
    const auto pages = pages_of(request.query);
    if (!pages) return bad_request(pages.error().message);
    json out;
    connection.read([&](db::Tx& tx) {
        auto roots = service::judge_roots(tx, request.cache.id, request.author.now);
        const auto at = std::ranges::find_if(roots, [&](const auto& root) {
            return root.root.name == request.name;
        });
        if (at == roots.end()) return;
        service::count_missing(tx, std::span(&*at, 1));
        out = root_json(*at);
        if (!pages->wanted) return;
        auto& list = out["path_list"] = json::array();
        for (const auto& path : db::list_root_paths(tx, at->root.id, pages->from, pages->limit)) {
            list.push_back(root_path_json(path, request.cache));
        }
    });
    if (out.is_null()) return text_answer(404, "404: there is no root of that name");
    return json_answer(200, out);
}

Answer add(
    db::Connection& connection,
    const ApiRequest& request,
    const Result<service::RootRequest>& wanted
) {
    if (!wanted) return bad_request(wanted.error().message);
    const auto added = service::add_root(connection, request.cache, *wanted, request.author);
    if (!added) return refused(added.error());
    return json_answer(
        added->what == AddedRoot::What::added ? 201 : 200,
        added_root_json(wanted->name, *added, request.cache)
    );
}

Answer delete_root(db::Connection& connection, const ApiRequest& request) {
    const auto force = request.query.flag("force_never_delete");
    if (!force) return bad_request(force.error().message);
    const auto removed = service::remove_roots(
        connection,
        request.cache.id,
        {request.name},
        *force,
        request.query.text("reason").value_or(""),
        request.author
    );
    if (!removed) return refused(removed.error());
    return json_answer(200, {{"root", request.name}, {"paths", removed->front().paths}});
}

// --- channels ---

Answer list_channels(db::Connection& connection, const ApiRequest& request) {
    auto out = json::array();
    connection.read([&](db::Tx& tx) {
        const auto roots = service::judge_roots(tx, request.cache.id, request.author.now);
        for (const auto& channel : db::list_channels(tx, request.cache.id)) {
            out.push_back(channel_json(channel, roots));
        }
    });
    return json_answer(200, {{"channels", std::move(out)}});
}

Answer put_channel(db::Connection& connection, const ApiRequest& request) {
    const auto body = parse_channel_body(request.body);
    if (!body) return bad_request(body.error().message);
    const auto change = service::set_channel(
        connection, request.cache.id, request.name, body->rule, body->reason, request.author
    );
    if (!change) return refused(change.error());
    return json_answer(
        change->made ? 201 : 200,
        {{"channel", request.name}, {"made", change->made}, {"restored", change->rescued}}
    );
}

Answer delete_channel(db::Connection& connection, const ApiRequest& request) {
    const auto with_bumps = request.query.flag("with_bumps");
    if (!with_bumps) return bad_request(with_bumps.error().message);
    const auto bumps = service::remove_channel(
        connection,
        request.cache.id,
        request.name,
        *with_bumps,
        request.query.text("reason").value_or(""),
        request.author
    );
    if (!bumps) return refused(bumps.error());
    return json_answer(200, {{"channel", request.name}, {"bumps", *bumps}});
}

// --- the audit log ---

Answer list_audit(db::Connection& connection, const ApiRequest& request) {
    const auto since = service::parse_time(request.query.text("since").value_or("1970-01-01"));
    if (!since) return bad_request("since: " + since.error().message);
    constexpr auto k_newest = std::numeric_limits<std::int64_t>::max();
    const auto before = request.query.number("before", k_newest, 0, k_newest);
    if (!before) return bad_request(before.error().message);
    const auto limit = request.query.number("limit", 1000, 1, k_most_rows);
    if (!limit) return bad_request(limit.error().message);
    auto out = json::array();
    connection.read([&](db::Tx& tx) {
        const auto most = static_cast<int>(*limit);
        for (const auto& row : db::list_audit(tx, request.cache.id, *since, *before, most)) {
            out.push_back(audit_json(row));
        }
    });
    return json_answer(200, {{"audit", std::move(out)}});
}

// --- plans ---

Answer list_plans(db::Connection& connection, const ApiRequest& request) {
    const auto limit = request.query.number("limit", 100, 1, k_most_rows);
    if (!limit) return bad_request(limit.error().message);
    auto out = json::array();
    connection.read([&](db::Tx& tx) {
        for (const auto& plan : db::list_plans(tx, request.cache.id, static_cast<int>(*limit))) {
            out.push_back(plan_json(plan));
        }
    });
    return json_answer(200, {{"plans", std::move(out)}});
}

Answer show_plan(db::Connection& connection, const ApiRequest& request) {
    const auto id = parse_id(request.name);
    std::optional<db::Plan> plan;
    if (id) connection.read([&](db::Tx& tx) { plan = db::find_plan(tx, *id); });
    if (!plan || plan->cache != request.cache.id) {
        return text_answer(404, "404: there is no such plan");
    }
    return json_answer(200, plan_json(*plan));
}

// --- regions ---

Answer list_regions(db::Connection& connection) {
    auto out = json::array();
    connection.read([&](db::Tx& tx) {
        for (const auto& region : db::list_region_status(tx)) out.push_back(region_json(region));
    });
    return json_answer(200, {{"regions", std::move(out)}});
}

}  // namespace

Answer json_answer(int status, const json& body) {
    // Names and reasons were checked to be UTF-8 when they came in.
    auto answer = body_answer(
        status, "application/json", std::make_shared<const std::string>(body.dump() + "\n")
    );
    add_field(answer, "Cache-Control", "no-store");
    return answer;
}

Answer bad_request(std::string_view reason) {
    return text_answer(400, fmt::format("400: {}", reason));
}

Answer call_api(db::Connection& connection, const ApiRequest& request) {
    const auto& [call, name, cache, query, body, author] = request;
    switch (call) {
        case ApiCall::list_roots:
            return list_roots(connection, request);
        case ApiCall::show_root:
            return show_root(connection, request);
        case ApiCall::put_root:
            return add(connection, request, parse_root_body(name, body, cache, author.now));
        case ApiCall::delete_root:
            return delete_root(connection, request);
        case ApiCall::list_channels:
            return list_channels(connection, request);
        case ApiCall::put_channel:
            return put_channel(connection, request);
        case ApiCall::delete_channel:
            return delete_channel(connection, request);
        case ApiCall::add_bump:
            return add(connection, request, parse_bump_body(name, body, cache, author.now));
        case ApiCall::list_audit:
            return list_audit(connection, request);
        case ApiCall::list_plans:
            return list_plans(connection, request);
        case ApiCall::show_plan:
            return show_plan(connection, request);
        case ApiCall::list_regions:
            return list_regions(connection);
        case ApiCall::list_changes:
            break;
    }
    return text_answer(500, "500: this call isn't made here");
}

}  // namespace narthex::http
