#include "narthex/http/relay_rules.hpp"

#include "narthex/http/counters.hpp"
#include "narthex/http/upload_answers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stdexcept>

namespace narthex::http {

namespace {

struct RequestField {
    std::string_view name;
    std::string_view Request::*value;
};
constexpr RequestField k_request_fields[] = {
    {"Authorization", &Request::authorization},
    {"Content-Type", &Request::content_type},
    {"Content-Encoding", &Request::content_encoding},
    {"Accept", &Request::accept},
    {"User-Agent", &Request::user_agent},
};
// Which part of it is wanted, and whether the client has it already.
constexpr RequestField k_range_fields[] = {
    {"If-None-Match", &Request::if_none_match},
    {"If-Range", &Request::if_range},
    {"Range", &Request::range},
};

void add_fields(
    std::vector<std::string>& to, const Request& request, std::span<const RequestField> fields
) {
    for (const auto& [name, value] : fields) {
        if (!(request.*value).empty()) to.push_back(fmt::format("{}: {}", name, request.*value));
    }
}

struct AnswerField {
    std::string_view known;  // as ExchangeHead has it
    std::string_view name;
};
constexpr AnswerField k_answer_fields[] = {
    {"accept-ranges", "Accept-Ranges"},
    {"allow", "Allow"},
    {"cache-control", "Cache-Control"},
    {"content-range", "Content-Range"},
    {"etag", "ETag"},
    {"last-modified", "Last-Modified"},
    {"location", "Location"},
    {"narthex-hidden", "Narthex-Hidden"},
    {"retry-after", "Retry-After"},
    {"www-authenticate", "WWW-Authenticate"},
};

bool is_bulk(Resource resource) {
    return resource == Resource::narinfos || resource == Resource::cachix_missing ||
           resource == Resource::attic_missing;
}

HeadBuilder first_lines(const service::ExchangeHead& head, std::optional<std::uint64_t> length) {
    if (head.status == 204) return HeadBuilder::no_content();
    if (head.status == 304) return HeadBuilder::not_modified();
    const auto type = head.field("content-type");
    return {head.status, type.empty() ? "application/octet-stream" : type, length.value_or(0)};
}

}  // namespace

bool is_for_primary(Method method, Resource resource, bool publishes) {
    switch (method) {
        case Method::put:
            return UploadAnswers::takes(resource);
        case Method::post:
        case Method::query:
            return publishes && is_bulk(resource);
        case Method::head:
            // Whoever gets a NAR gets it from nearby; who asks whether it is there will upload it.
            if (resource == Resource::nar) return publishes;
            [[fallthrough]];
        case Method::get:
            return publishes && (resource == Resource::narinfo || resource == Resource::companion);
        case Method::del:
        case Method::other:
            break;
    }
    return false;
}

std::string url_at_primary(std::string_view primary_url, std::string_view target) {
    const auto scheme = target.find("://");
    if (!target.starts_with('/') && scheme != std::string_view::npos) {
        const auto path = target.find('/', scheme + 3);
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }
    return std::string(primary_url.substr(0, primary_url.find_last_not_of('/') + 1)).append(target);
}

std::vector<std::string> relayed_fields(const Request& request, std::string_view instance) {
    std::vector<std::string> fields{fmt::format("Narthex-Instance: {}", instance)};
    add_fields(fields, request, k_request_fields);
    add_fields(fields, request, k_range_fields);
    return fields;
}

std::vector<std::string> range_fields(const Request& request) {
    std::vector<std::string> fields;
    add_fields(fields, request, k_range_fields);
    return fields;
}

std::string_view method_name(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::head:
            return "HEAD";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::query:
            return "QUERY";
        case Method::del:
        case Method::other:
            break;
    }
    throw std::logic_error("no request of this method is relayed");
}

std::optional<HeadBuilder> relayed_head(
    const service::ExchangeHead& head, std::optional<std::uint64_t> length
) {
    if (std::ranges::find(k_statuses, head.status) == k_statuses.end()) return std::nullopt;
    auto out = first_lines(head, length);
    for (const auto& [known, name] : k_answer_fields) {
        if (const auto value = head.field(known); !value.empty()) out.field(name, value);
    }
    return out;
}

}  // namespace narthex::http
