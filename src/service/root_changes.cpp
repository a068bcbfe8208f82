#include "narthex/service/root_changes.hpp"

#include "root_change.hpp"
#include "root_paths.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/service/roots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace narthex::service {

namespace {

RootRefusal no_root(const std::string& name) {
    return {
        RootFault::absent,
        fmt::format("there is no root {}; 'narthex root list --all' shows all", name)};
}

std::string names_of(const std::vector<db::Root>& roots) {
    std::string text;
    for (const auto& root : roots)
        text += fmt::format(R"({}"{}")", text.empty() ? "" : ", ", root.name);
    return "[" + text + "]";
}

std::string summary_of(const RetentionRule& rule) {
    auto text = fmt::format(R"({{"status": "{}")", to_string(rule.status));
    if (rule.keep_last) text += fmt::format(R"(, "keep_last": {})", *rule.keep_last);
    if (rule.max_age) text += fmt::format(R"(, "max_age_seconds": {})", *rule.max_age);
    return text + "}";
}

std::vector<int> added_to(const std::vector<int>& before, const std::vector<int>& after) {
    std::vector<int> fresh;
    std::ranges::set_difference(after, before, std::back_inserter(fresh));
    return fresh;
}

std::vector<db::Root> bumps_of(db::Tx& tx, int cache, int channel) {
    auto roots = db::list_roots(tx, cache);
    std::erase_if(roots, [&](const auto& root) { return root.channel != channel; });
    return roots;
}

}  // namespace

RootOutcome<std::vector<db::Root>> remove_roots(
    db::Connection& connection,
    int cache,
    const std::vector<std::string>& names,
    bool force_never_delete,
    const std::string& reason,
    const Author& author
) {
    using Roots = std::vector<db::Root>;
    return change<Roots>(connection, [&](db::Tx& tx) -> RootOutcome<Roots> {
        Roots roots;
        for (const auto& name : names) {
            auto root = db::lock_root(tx, cache, name);
            if (!root) return no_root(name);
            if (root->never_delete && !force_never_delete) return is_protected(name);
            roots.push_back(std::move(*root));
        }
        for (const auto& root : roots) {
            db::delete_root(tx, root.id);
            const auto details =
                fmt::format(R"({{"kind": "{}", "paths": {}}})", to_string(root.kind), root.paths);
            db::add_audit(tx, {author.who, "root remove", cache, root.name, reason, details});
        }
        return roots;
    });
}

RootOutcome<ChannelChange> set_channel(
    db::Connection& connection,
    int cache,
    const std::string& name,
    const RetentionRule& rule,
    const std::string& reason,
    const Author& author
) {
    if (const auto good = check_root_name(name); !good) return invalid(good.error().message);
    if (const auto good = check_rule(rule); !good) return invalid(good.error().message);
    return change<ChannelChange>(connection, [&](db::Tx& tx) -> RootOutcome<ChannelChange> {
        const auto known = db::lock_channel(tx, cache, name);
        if (known && known->rule == rule) return ChannelChange{false, 0};
        const auto before = living_roots(tx, cache, author.now);
        [[maybe_unused]] const int id = db::store_channel(tx, cache, name, rule);
        const auto fresh = added_to(before, living_roots(tx, cache, author.now));
        db::add_audit(tx, {author.who, "channel set", cache, name, reason, summary_of(rule)});
        return ChannelChange{!known, rescue_roots(tx, cache, fresh)};
    });
}

RootOutcome<std::size_t> remove_channel(
    db::Connection& connection,
    int cache,
    const std::string& name,
    bool with_bumps,
    const std::string& reason,
    const Author& author
) {
    return change<std::size_t>(connection, [&](db::Tx& tx) -> RootOutcome<std::size_t> {
        const auto channel = db::lock_channel(tx, cache, name);
        if (!channel) return no_channel(name);
        const auto bumps = bumps_of(tx, cache, channel->id);
        if (!bumps.empty() && !with_bumps) {
            return conflict(fmt::format(
                "{} has {} bumps; --with-bumps removes them with it", name, bumps.size()
            ));
        }
        for (const auto& bump : bumps) db::delete_root(tx, bump.id);
        db::delete_channel(tx, channel->id);
        const auto details = fmt::format(R"({{"bumps": {}}})", names_of(bumps));
        db::add_audit(tx, {author.who, "channel remove", cache, name, reason, details});
        return bumps.size();
    });
}

}  // namespace narthex::service
