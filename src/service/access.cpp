#include "narthex/service/access.hpp"

#include "narthex/db/tokens.hpp"

#include <unordered_map>
#include <utility>
#include <vector>

namespace narthex::service {

namespace {

// From when the tokens were asked for: what was revoked before that, they say.
constexpr std::chrono::seconds k_trust(1);

std::int64_t seconds_since_1970() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

struct Access::Snapshot {
    struct Known {
        Token token;
        TokenUses::Cell& used;
    };
    std::unordered_map<TokenHash, Known> tokens;
    Clock::time_point trusted_until;
};

Access::Access(std::string uri)
    : uses_(std::move(uri)), snapshot_(std::make_shared<const Snapshot>()) {}

Access::~Access() {
    uses_.stop(Clock::now() < snapshot_->trusted_until);
}

std::variant<Grant, Denial> Access::check(std::string_view authorization, int cache, Scope scope)
    const {
    if (authorization.empty()) return Denial::no_token;
    const auto hash = token_of_authorization(authorization);
    if (!hash) return Denial::unknown;
    const auto current = snapshot();
    if (Clock::now() >= current->trusted_until) return Denial::unconfirmed;
    const auto at = current->tokens.find(*hash);
    if (at == current->tokens.end()) return Denial::unknown;
    const auto& [token, used] = at->second;
    const auto now = seconds_since_1970();
    if (const auto why = denial(token, cache, scope, now)) return *why;
    if (used.load(std::memory_order_relaxed) < now) used.store(now, std::memory_order_relaxed);
    return Grant{token.id, token.name};
}

bool Access::knows(std::string_view authorization, int cache, Scope scope) const {
    if (authorization.empty()) return false;
    const auto hash = token_of_authorization(authorization);
    if (!hash) return false;
    const auto current = snapshot();
    const auto at = current->tokens.find(*hash);
    return at != current->tokens.end() &&
           !denial(at->second.token, cache, scope, seconds_since_1970());
}

std::shared_ptr<const Access::Snapshot> Access::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

void Access::read(db::Connection& connection) {
    auto read = std::make_shared<Snapshot>();
    read->trusted_until = Clock::now() + k_trust;
    std::vector<Token> tokens;
    connection.read([&](db::Tx& tx) { tokens = db::current_tokens(tx); });
    for (auto& token : tokens) {
        auto& used = uses_.cell(token.id);
        const auto hash = token.hash;
        read->tokens.emplace(hash, Snapshot::Known{std::move(token), used});
    }
    const std::lock_guard lock(mutex_);
    snapshot_ = std::move(read);
}

}  // namespace narthex::service
