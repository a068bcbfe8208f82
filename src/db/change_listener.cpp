#include "narthex/db/change_listener.hpp"

#include "libpq.hpp"

#include "narthex/core/path_key.hpp"
#include "narthex/db/sql.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <random>

namespace narthex::db {

namespace {

// A ping that takes longer is as good as none.
constexpr std::chrono::seconds k_ping_limit(1);

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
    return number;
}

// "<from>:<to>", not included.
Notice parse_buckets(std::string_view range) {
    const auto colon = range.find(':');
    if (colon == std::string_view::npos) return std::monostate{};
    const auto first = parse_number<std::size_t>(range.substr(0, colon));
    const auto end = parse_number<std::size_t>(range.substr(colon + 1));
    if (!first || !end || *first >= *end || *end > k_buckets) return std::monostate{};
    return BucketsChanged{*first, *end};
}

// "buckets:<from>:<to>", "batch:<id>", "<cache>:<bucket>" or the name of a table.
Notice parse_notice(std::string_view payload) {
    const auto colon = payload.find(':');
    if (colon == std::string_view::npos) return TableChanged{std::string(payload)};
    const auto kind = payload.substr(0, colon);
    const auto rest = payload.substr(colon + 1);
    if (kind == "buckets") return parse_buckets(rest);
    if (kind == "batch") {
        const auto batch = parse_number<int>(rest);
        return batch && *batch >= 0 ? Notice(BatchFlipped{*batch}) : std::monostate{};
    }
    const auto bucket = parse_number<std::size_t>(rest);
    if (!parse_number<int>(kind) || !bucket || *bucket >= k_buckets) return std::monostate{};
    return BucketsChanged{*bucket, *bucket + 1};
}

std::string make_ping_prefix() {
    std::random_device random;
    return fmt::format("ping:{:08x}{:08x}:", random(), random());
}

}  // namespace

struct ChangeListener::Impl {
    explicit Impl(const std::string& uri) : libpq(uri, Session::serving, k_ping_limit) {
        libpq.prepare(sql::listen_changes);
        libpq.prepare(sql::notify_ping);
        libpq.exec(sql::listen_changes, {});
    }
    Libpq libpq;
    std::string ping_prefix = make_ping_prefix();
};

ChangeListener::ChangeListener(const std::string& uri) : impl_(std::make_unique<Impl>(uri)) {}

ChangeListener::~ChangeListener() = default;

void ChangeListener::ping(std::uint64_t number) {
    const std::array payload{impl_->ping_prefix + std::to_string(number)};
    impl_->libpq.exec(sql::notify_ping, payload);
}

Notice ChangeListener::next(std::chrono::milliseconds limit) {
    const auto payload = impl_->libpq.notification(limit);
    if (!payload) return std::monostate{};
    if (!payload->starts_with("ping:")) return parse_notice(*payload);
    if (!payload->starts_with(impl_->ping_prefix)) return std::monostate{};  // another server's
    const auto number =
        parse_number<std::uint64_t>(std::string_view(*payload).substr(impl_->ping_prefix.size()));
    if (!number) return std::monostate{};
    return Pong{*number};
}

void ChangeListener::interrupt() noexcept {
    impl_->libpq.interrupt();
}

}  // namespace narthex::db
