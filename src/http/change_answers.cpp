#include "narthex/http/change_answers.hpp"

#include "api_calls.hpp"

#include "narthex/db/instance.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/root_json.hpp"
#include "narthex/http/upload_texts.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace narthex::http {

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

// For the database.
constexpr std::chrono::seconds k_deadline(10);
constexpr std::int64_t k_longest_wait = 60;  // seconds; ApiAnswers::k_limit is more
// Paths in a page.
constexpr std::int64_t k_page = 10'000;
constexpr std::int64_t k_most_page = 50'000;

json to_json(const db::Change& change) {
    auto hashes = json::array();
    for (const auto& path : change.paths) hashes.push_back(path.to_string());
    return {
        {"kind", db::to_string(change.kind)},
        {"at", json_time(change.time)},
        {"hashes", std::move(hashes)},
    };
}

json to_json(const service::FeedPage& page) {
    auto changes = json::array();
    for (const auto& change : page.changes) changes.push_back(to_json(change));
    return {{"changes", std::move(changes)}, {"cursor", page.end.to_string()}, {"more", page.more}};
}

// Why nobody can go on from there, or follow here at all.
std::optional<Answer> no_feed(const db::Instance& instance, const service::FeedPlace& after) {
    switch (instance.role) {
        case db::InstanceRole::primary:
            if (after.epoch == 0 || after.epoch == instance.epoch) return std::nullopt;
            return text_answer(
                410, "410: this cursor is another primary's: begin again, from the first change on"
            );
        case db::InstanceRole::fenced:
            return text_answer(
                410,
                fmt::format(
                    "410: this primary was replaced by {}: begin again there",
                    instance.replaced_by.value_or("another")
                )
            );
        case db::InstanceRole::joining:
        case db::InstanceRole::region:
            return text_answer(
                409,
                fmt::format(
                    "409: this is region {}: follow the changes of its primary, {}",
                    instance.name,
                    instance.primary_url.value_or("wherever it is")
                )
            );
    }
    return std::nullopt;
}

}  // namespace

Result<Follow> parse_follow(int cache, const ApiQuery& query, Clock::time_point now) {
    Follow follow{cache, {}, false, 0, now};
    const auto after = query.text("after");
    follow.from_end = after == "now";
    if (after && !follow.from_end) {
        const auto place = service::FeedPlace::parse(*after);
        if (!place) return place.error();
        follow.after = *place;
    }
    const auto limit = query.number("limit", k_page, 1, k_most_page);
    if (!limit) return limit.error();
    follow.most = static_cast<std::size_t>(*limit);
    const auto wait = query.number("wait", 0, 0, k_longest_wait);
    if (!wait) return wait.error();
    follow.until += std::chrono::seconds(*wait);
    return follow;
}

void ChangeAnswers::answer(Follower follower) {
    look(std::make_shared<Follower>(std::move(follower)));
}

void ChangeAnswers::look(const std::shared_ptr<Follower>& follower) {
    if (follower->client.expired()) return;
    if (auto refusal = follower->refusal()) return follower->done(std::move(*refusal));
    service::PublishTask task;
    task.deadline = Clock::now() + k_deadline;
    task.run = [this, follower](db::Connection& connection) { read(connection, follower); };
    task.fail = [follower](service::PublishFault fault, const std::string& reason) {
        follower->done(publish_fault(fault, reason));
    };
    database_.submit(std::move(task));
}

void ChangeAnswers::read(db::Connection& connection, const std::shared_ptr<Follower>& follower) {
    auto& follow = follower->follow;
    service::FeedPage page{};
    std::optional<Answer> none;
    connection.read([&](db::Tx& tx) {
        const auto instance = db::read_instance(tx);
        none = no_feed(instance, follow.after);
        if (none) return;
        if (follow.from_end) follow.after.at = db::end_of_changes(tx);
        follow.after.epoch = instance.epoch;
        page = service::read_feed(tx, follow.cache, follow.after, follow.most);
    });
    if (none) return follower->done(std::move(*none));
    follow.from_end = false;
    follow.after = page.end;
    if (!page.changes.empty() || page.more || Clock::now() >= follow.until) {
        return follower->done(json_answer(200, to_json(page)));
    }
    service::ChangeWait wait{
        follow.after.at, follow.until, follower->client, [this, follower] { look(follower); }};
    if (!changes_.add(std::move(wait))) follower->done(too_busy());
}

}  // namespace narthex::http
