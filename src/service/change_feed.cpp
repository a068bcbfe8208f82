#include "narthex/service/change_feed.hpp"

#include "narthex/core/quote.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace narthex::service {

namespace {

// Rows of a statement, which have some thousand paths each at most.
constexpr int k_rows = 50;
// Other caches' changes are looked over, too: only so many for one page.
constexpr int k_statements = 100;

template <class Number>
bool read_number(std::string_view text, Number& number) {
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && number >= 0;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> parts;
    for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
        parts.push_back(text.substr(0, dot));
        text.remove_prefix(dot + 1);
    }
    parts.push_back(text);
    return parts;
}

class PageReader {
  public:
    PageReader(db::Tx& tx, int cache, const FeedPlace& after, std::size_t most)
        : tx_(tx), cache_(cache), left_(most), page_{{}, after, true} {}

    FeedPage read() {
        for (int i = 0; i < k_statements && left_ > 0; ++i) {
            const auto rows = db::read_changes(tx_, first(), k_rows);
            for (const auto& row : rows) {
                if (left_ == 0) break;
                take(row);
            }
            if (rows.size() < k_rows && left_ > 0) {
                page_.more = false;
                break;
            }
        }
        return std::move(page_);
    }

  private:
    // What the next rows come after: a change that was told in part comes once more.
    [[nodiscard]] db::ChangeCursor first() const {
        auto at = page_.end.at;
        if (page_.end.within) --at.id;
        return at;
    }

    void take(const db::Change& change) {
        const auto within = change.at == page_.end.at ? page_.end.within : std::nullopt;
        if (change.cache == cache_ && !add(change, within)) return;
        page_.end = {change.at, std::nullopt, page_.end.epoch};
    }

    // False when only a part of it was added.
    bool add(db::Change change, const std::optional<HashPart>& within) {
        const bool is_batch = change.batch.has_value();
        const auto wanted = left_;
        if (is_batch) {
            change.paths =
                db::list_batch(tx_, cache_, *change.batch, within, static_cast<int>(wanted));
        }
        left_ -= std::min(left_, change.paths.size());
        const bool whole = !is_batch || change.paths.size() < wanted;
        if (!whole) page_.end = {change.at, change.paths.back(), page_.end.epoch};
        if (!change.paths.empty()) page_.changes.push_back(std::move(change));
        return whole;
    }

    db::Tx& tx_;
    int cache_;
    std::size_t left_;
    FeedPage page_;
};

}  // namespace

// EPOCH.TRANSACTION.ID, and .HASH where a change was told in part.
Result<FeedPlace> FeedPlace::parse(std::string_view text) {
    const Error fault{quote(text) + " is no place in the feed of changes: take it from an answer"};
    const auto parts = split(text);
    if (parts.size() < 3 || parts.size() > 4) return fault;
    FeedPlace place;
    if (!read_number(parts[0], place.epoch)) return fault;
    if (!read_number(parts[1], place.at.transaction)) return fault;
    if (!read_number(parts[2], place.at.id)) return fault;
    if (parts.size() == 3) return place;
    const auto hash = HashPart::parse(parts[3]);
    if (!hash) return fault;
    place.within = *hash;
    return place;
}

std::string FeedPlace::to_string() const {
    auto text = fmt::format("{}.{}.{}", epoch, at.transaction, at.id);
    if (within) text += "." + within->to_string();
    return text;
}

FeedPage read_feed(db::Tx& tx, int cache, const FeedPlace& after, std::size_t most) {
    return PageReader(tx, cache, after, most).read();
}

}  // namespace narthex::service
