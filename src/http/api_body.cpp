#include "narthex/http/api_body.hpp"

#include "narthex/core/plain_text.hpp"
#include "narthex/core/quote.hpp"
#include "narthex/core/root_list.hpp"
#include "narthex/service/time_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

namespace narthex::http {

namespace {

using nlohmann::json;

constexpr std::size_t k_longest_note = 1000;
constexpr std::size_t k_date = 10;  // of a time's text

// Reads the fields of an object. The first fault is kept; what is read after it is worth nothing.
class Fields {
  public:
    explicit Fields(std::string_view body) : object_(json::parse(body, nullptr, false)) {
        if (object_.is_object()) return;
        fault_ = Error{"the body isn't a JSON object"};
        object_ = json::object();
    }

    [[nodiscard]] bool has(const char* name) const {
        return object_.contains(name) && !object_[name].is_null();
    }

    std::string text(const char* name) {
        const auto* value = find(name);
        if (value == nullptr) return "";
        if (!value->is_string()) return fail<std::string>(name, "a text");
        return value->get<std::string>();
    }

    // Text for people.
    std::string note(const char* name) {
        auto value = text(name);
        if (value.size() <= k_longest_note && is_plain_text(value)) return value;
        return fail<std::string>(name, "at most 1000 bytes of text in one line");
    }

    bool flag(const char* name) {
        const auto* value = find(name);
        if (value == nullptr) return false;
        if (!value->is_boolean()) return fail<bool>(name, "true or false");
        return value->get<bool>();
    }

    std::optional<int> count(const char* name) {
        const auto* value = find(name);
        if (value == nullptr) return std::nullopt;
        constexpr std::int64_t k_most = 1'000'000;
        const bool good = value->is_number_integer() && *value >= 1 && *value <= k_most;
        if (!good) return fail<std::optional<int>>(name, "a number from 1 on");
        return value->get<int>();
    }

    // Each once, by hash part.
    std::vector<BaseName> paths(const char* name, const std::string& store_dir) {
        const auto* value = find(name);
        if (value == nullptr || !value->is_array()) {
            return fail<std::vector<BaseName>>(name, "a list of store paths");
        }
        RootListReader reader(store_dir);
        for (const auto& path : *value) {
            if (!path.is_string())
                return fail<std::vector<BaseName>>(name, "a list of store paths");
            // As a line of a list, so that what is wrong is counted from 1, too.
            auto text = path.get_ref<const std::string&>();
            if (text.empty() || text.find('\n') != text.npos) text = "?";
            const auto fed = reader.feed(text + "\n");
            if (!fed)
                return keep<std::vector<BaseName>>(Error{
                    fmt::format("{}: number {}", name, fed.error().message)});
        }
        auto read = reader.finish();
        if (!read) return fail<std::vector<BaseName>>(name, "at least one path");
        return std::move(*read);
    }

    template <class T>
    T fail(const char* name, std::string_view wanted) {
        return keep<T>(Error{fmt::format("{}: {} is wanted", name, wanted)});
    }
    template <class T>
    T keep(Error fault) {
        if (!fault_) fault_ = std::move(fault);
        return T{};
    }

    // After everything was read.
    [[nodiscard]] std::optional<Error> fault() const {
        if (fault_) return fault_;
        for (const auto& [name, value] : object_.items()) {
            if (!read_.contains(name)) return Error{"there is no field " + quote(name) + " here"};
        }
        return std::nullopt;
    }

  private:
    const json* find(const char* name) {
        read_.insert(name);
        return has(name) ? &object_[name] : nullptr;
    }

    json object_;
    std::set<std::string> read_;
    std::optional<Error> fault_;
};

// "90d", "2027-01-31", "2027-01-31T12:00:00Z", "never".
std::optional<std::int64_t> read_expiry(Fields& fields, std::int64_t now) {
    const auto text = fields.text("expires");
    if (text.empty()) return std::nullopt;
    constexpr std::string_view k_wanted = "90d, 12h, 2027-01-31, 2027-01-31T12:00:00Z or never";
    if (const auto expiry = service::parse_expiry(text, now)) return *expiry;
    const auto time = service::parse_time(text);
    if (time && *time > now) return *time;
    return fields.fail<std::optional<std::int64_t>>(
        "expires", std::string(k_wanted) + ", which hasn't passed,"
    );
}

void read_contents(Fields& fields, service::RootRequest& request, const Cache& cache) {
    const int ways = static_cast<int>(fields.has("path")) + static_cast<int>(fields.has("paths")) +
                     static_cast<int>(fields.has("pattern"));
    if (ways != 1) {
        fields.keep<int>(Error{"one of path, paths and pattern is needed"});
    } else if (fields.has("path")) {
        request.kind = RootKind::pin;
        const auto path = StorePath::parse(fields.text("path"));
        if (path && path->store_dir == cache.store_dir) {
            request.paths = {path->base};
        } else {
            fields.fail<int>("path", "a store path of " + cache.store_dir);
        }
    } else if (fields.has("paths")) {
        request.kind = RootKind::list;
        request.paths = fields.paths("paths", cache.store_dir);
    } else {
        request.kind = RootKind::pattern;
        request.pattern = fields.text("pattern");
    }
}

}  // namespace

Result<service::RootRequest> parse_root_body(
    const std::string& name, std::string_view body, const Cache& cache, std::int64_t now
) {
    Fields fields(body);
    service::RootRequest request;
    request.name = name;
    read_contents(fields, request, cache);
    request.expires_at = read_expiry(fields, now);
    request.never_delete = fields.flag("never_delete");
    request.owner = fields.note("owner");
    request.reason = fields.note("reason");
    request.replace = fields.flag("replace");
    request.force_never_delete = fields.flag("force_never_delete");
    if (auto fault = fields.fault()) return *fault;
    return request;
}

Result<service::RootRequest> parse_bump_body(
    const std::string& channel, std::string_view body, const Cache& cache, std::int64_t now
) {
    Fields fields(body);
    service::RootRequest request;
    request.kind = RootKind::bump;
    request.channel = channel;
    request.paths = fields.paths("paths", cache.store_dir);
    if (const auto text = fields.text("at"); !text.empty()) {
        const auto at = service::parse_time(text);
        if (at) request.bumped_at = *at;
        if (!at) fields.fail<int>("at", "2027-01-31 or 2027-01-31T12:00:00Z");
    }
    request.name = fields.text("name");
    request.reason = fields.note("reason");
    request.replace = fields.flag("replace");
    if (auto fault = fields.fault()) return *fault;
    if (request.name.empty()) {
        const auto time = service::time_text(request.bumped_at.value_or(now));
        request.name = channel + "@" + time.substr(0, k_date);
    }
    return request;
}

Result<ChannelBody> parse_channel_body(std::string_view body) {
    Fields fields(body);
    ChannelBody parsed{};
    const auto status = parse_channel_status(fields.text("status"));
    if (status) parsed.rule.status = *status;
    if (!status) fields.fail<int>("status", "supported, rolling or end-of-life");
    parsed.rule.keep_last = fields.count("keep_last");
    if (const auto text = fields.text("max_age"); !text.empty()) {
        const auto age = service::parse_span(text);
        if (age) parsed.rule.max_age = *age;
        if (!age) fields.fail<int>("max_age", "90d or 12h");
    }
    parsed.reason = fields.note("reason");
    if (auto fault = fields.fault()) return *fault;
    return parsed;
}

}  // namespace narthex::http
