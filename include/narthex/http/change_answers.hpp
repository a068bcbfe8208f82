// Answers to those who follow the feed of changes: at once where there is something new, else as
// soon as there is, or when their time is over. Nobody holds a thread or a connection while
// waiting. Any thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/error.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/http/api_route.hpp"
#include "narthex/service/change_feed.hpp"
#include "narthex/service/change_watch.hpp"
#include "narthex/service/publishing.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace narthex::http {

// What somebody wants to know of a cache.
struct Follow {
    int cache;
    service::FeedPlace after;
    bool from_end;     // `after` is where the feed ends when it is asked
    std::size_t most;  // paths
    std::chrono::steady_clock::time_point until;
};
[[nodiscard]] Result<Follow> parse_follow(
    int cache, const ApiQuery& query, std::chrono::steady_clock::time_point now
);

struct Follower {
    Follow follow;
    std::weak_ptr<void> client;  // once it is gone, nobody wants to know
    // Why it may not be told any more.
    std::function<std::optional<Answer>()> refusal;
    std::function<void(Answer)> done;  // called once, on some thread
};

class ChangeAnswers {
  public:
    // Both outlive it.
    ChangeAnswers(service::Publishing& database, service::ChangeWatch& changes)
        : database_(database), changes_(changes) {}

    void answer(Follower follower);

  private:
    void look(const std::shared_ptr<Follower>& follower);
    void read(db::Connection& connection, const std::shared_ptr<Follower>& follower);

    service::Publishing& database_;
    service::ChangeWatch& changes_;
};

}  // namespace narthex::http
