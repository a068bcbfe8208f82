#include "nar_sources.hpp"

#include "narthex/core/log_text.hpp"
#include "narthex/service/log.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace narthex::http {

namespace asio = boost::asio;
using State = service::NarFetch::State;

namespace {
constexpr std::size_t k_piece_bytes = 256 * 1024;
}  // namespace

void FollowedNar::next(Take take) {
    // Weakly: whoever waits must not keep a fetch alive that nobody wants.
    fetch_->when_past(sent_, [weak = weak_from_this(), &files = files_, take = std::move(take)] {
        asio::post(files, [weak, take] {
            if (const auto self = weak.lock()) self->read(take);
        });
    });
}

void FollowedNar::read(const Take& take) {
    const auto standing = fetch_->standing();
    if (standing.state == State::kept && sent_ == standing.size) return take(std::string());
    if (standing.readable <= sent_) return take(std::nullopt);
    try {
        auto piece = fetch_->read(sent_, k_piece_bytes);
        if (piece.empty()) return take(std::nullopt);
        sent_ += piece.size();
        take(std::move(piece));
    } catch (const std::exception& error) {
        service::log_error("event=nar_unreadable reason={}", log_text(error.what()));
        take(std::nullopt);
    }
}

void CheckedNar::next(Take take) {
    if (ended_) return take(std::string());
    source_.next([weak = weak_from_this(),
                  take = std::move(take)](std::optional<std::string> piece) {
        if (const auto self = weak.lock()) self->take_piece(std::move(piece), take);
    });
}

void CheckedNar::take_piece(std::optional<std::string> piece, const Take& take) {
    if (!piece) return take(std::nullopt);
    ended_ = piece->empty();
    if (ended_) {
        const auto hash = hash_.finish();
        if (wanted_.value_or(hash) != hash) return take(std::nullopt);
        return take(std::exchange(held_, {}));
    }
    hash_.update(*piece);
    auto before = std::exchange(held_, std::move(*piece));
    // The first: nothing goes out yet.
    if (before.empty()) return next(take);
    take(std::move(before));
}

}  // namespace narthex::http
