#include "root_change.hpp"
#include "root_paths.hpp"

#include "narthex/core/glob.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/service/root_changes.hpp"
#include "narthex/service/roots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::service {

namespace {

constexpr std::array<std::string_view, 4> k_whats = {"added", "unchanged", "renewed", "replaced"};

bool lives(db::Tx& tx, int cache, int root, std::int64_t now) {
    return std::ranges::binary_search(living_roots(tx, cache, now), root);
}

// An earlier expiry, or no protection any more.
bool is_weaker(const RootRequest& request, const db::Root& known) {
    const bool earlier =
        request.expires_at && (!known.expires_at || *request.expires_at < *known.expires_at);
    return earlier || (known.never_delete && !request.never_delete);
}

std::string summary_of(const RootRequest& request, const db::NewRoot& root) {
    auto text =
        fmt::format(R"({{"kind": "{}", "paths": {})", to_string(root.kind), root.paths.size());
    if (!root.item.empty()) text += fmt::format(R"(, "item": "{}")", root.item);
    if (!request.channel.empty()) text += fmt::format(R"(, "channel": "{}")", request.channel);
    if (root.expires_at) text += fmt::format(R"(, "expires_at": {})", *root.expires_at);
    if (root.never_delete) text += R"(, "never_delete": true)";
    return text + "}";
}

class Addition {
  public:
    Addition(db::Tx& tx, const Cache& cache, const RootRequest& request, const Author& author)
        : tx_(tx), cache_(cache), request_(request), author_(author) {}

    RootOutcome<AddedRoot> run() {
        if (request_.kind == RootKind::bump) {
            const auto channel = db::lock_channel(tx_, cache_.id, request_.channel);
            if (!channel) return no_channel(request_.channel);
            root_.channel = channel->id;
        }
        prepare();
        auto stored = store();
        if (!stored) return stored;
        if (stored->what != AddedRoot::What::unchanged) add_audit(stored->what);
        return report(*stored);
    }

  private:
    void prepare() {
        root_.name = request_.name;
        root_.kind = request_.kind;
        root_.item =
            request_.kind == RootKind::pin ? request_.paths.front().to_string() : request_.pattern;
        root_.paths = path_ids_of(tx_, cache_.id, request_.paths);
        if (root_.channel) root_.bumped_at = request_.bumped_at.value_or(author_.now);
        root_.never_delete = request_.never_delete;
        root_.owner = request_.owner;
        root_.reason = request_.reason;
        root_.expires_at = request_.expires_at;
    }

    RootOutcome<AddedRoot> store() {
        // Whoever has taken the name in between may have given it back by the time it is looked at.
        for (int attempt = 0; attempt < 3; ++attempt) {
            if (const auto id = db::insert_root(tx_, cache_.id, root_)) {
                return AddedRoot{AddedRoot::What::added, *id};
            }
            const auto known = db::lock_root(tx_, cache_.id, request_.name);
            if (known) return store_over(*known);
        }
        return conflict(fmt::format("{} is being added and removed all the time", request_.name));
    }

    RootOutcome<AddedRoot> store_over(const db::Root& known) {
        const bool same = says_the_same(known);
        if (same) keep_unsaid(known);
        if ((!same || is_weaker(request_, known)) && !request_.replace)
            return in_the_way(known, same);
        if (known.never_delete && !request_.force_never_delete &&
            (!same || !request_.never_delete)) {
            return is_protected(known.name);
        }
        if (same && adds_nothing(known)) return AddedRoot{AddedRoot::What::unchanged, known.id};
        db::update_root(tx_, known.id, root_);
        return AddedRoot{same ? AddedRoot::What::renewed : AddedRoot::What::replaced, known.id};
    }

    [[nodiscard]] bool says_the_same(const db::Root& known) const {
        const bool same_time = !request_.bumped_at || request_.bumped_at == known.bumped_at;
        return known.kind == root_.kind && known.item == root_.item &&
               known.channel == root_.channel && same_time &&
               db::has_paths(tx_, known.id, root_.paths);
    }

    [[nodiscard]] bool adds_nothing(const db::Root& known) const {
        return root_.expires_at == known.expires_at && root_.owner == known.owner &&
               root_.reason == known.reason && root_.never_delete == known.never_delete &&
               root_.bumped_at == known.bumped_at;
    }

    // What a repeated request leaves out isn't taken back.
    void keep_unsaid(const db::Root& known) {
        if (root_.owner.empty()) root_.owner = known.owner;
        if (root_.reason.empty()) root_.reason = known.reason;
        if (!request_.bumped_at) root_.bumped_at = known.bumped_at;
    }

    [[nodiscard]] RootRefusal in_the_way(const db::Root& known, bool same) const {
        if (same) {
            return conflict(fmt::format(
                "there is a root {} already, which lives longer; --replace shortens that",
                known.name
            ));
        }
        return conflict(fmt::format(
            "there is a root {} already, with other contents ({}, {} paths); --replace puts this "
            "in its place",
            known.name,
            to_string(known.kind),
            known.paths
        ));
    }

    void add_audit(AddedRoot::What what) {
        db::add_audit(
            tx_,
            {author_.who,
             fmt::format("root {}", what == AddedRoot::What::added ? "add" : to_string(what)),
             cache_.id,
             request_.name,
             request_.reason,
             summary_of(request_, root_)}
        );
    }

    AddedRoot report(AddedRoot root) {
        root.lives = lives(tx_, cache_.id, root.id, author_.now);
        root.paths = request_.paths.size();
        if (root.lives) root.rescued = rescue(root.id);
        auto missing = find_missing(tx_, cache_.id, request_.paths);
        root.missing = missing.count;
        root.examples = std::move(missing.examples);
        return root;
    }

    std::size_t rescue(int root) {
        if (request_.kind == RootKind::pattern) {
            return rescue_matching(tx_, cache_.id, request_.pattern);
        }
        return rescue_roots(tx_, cache_.id, std::array{root});
    }

    db::Tx& tx_;
    const Cache& cache_;
    const RootRequest& request_;
    const Author& author_;
    db::NewRoot root_;
};

RootOutcome<void> check(const RootRequest& request, std::int64_t now) {
    if (const auto good = check_root_name(request.name); !good)
        return invalid(good.error().message);
    if (request.kind == RootKind::pattern) {
        const auto regex = glob_regex(request.pattern);
        if (!regex) return invalid(regex.error().message);
    } else if (request.paths.empty()) {
        return invalid(fmt::format("{} has no path", request.name));
    }
    if (request.expires_at && *request.expires_at <= now) {
        return invalid("it would have expired already");
    }
    if (request.expires_at && request.never_delete) {
        return invalid("what is never to be deleted doesn't expire: leave one of the two out");
    }
    return {};
}

}  // namespace

std::string_view to_string(AddedRoot::What what) {
    return k_whats.at(static_cast<std::size_t>(what));
}

RootOutcome<AddedRoot> add_root(
    db::Connection& connection, const Cache& cache, const RootRequest& request, const Author& author
) {
    if (auto good = check(request, author.now); !good) return good.error();
    return change<AddedRoot>(connection, [&](db::Tx& tx) {
        return Addition(tx, cache, request, author).run();
    });
}

}  // namespace narthex::service
