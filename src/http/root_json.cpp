#include "narthex/http/root_json.hpp"

#include "narthex/service/time_text.hpp"

#include <nlohmann/json.hpp>

namespace narthex::http {

namespace {

using nlohmann::json;

json text_or_null(const std::string& text) {
    return text.empty() ? json() : json(text);
}

template <class T>
json value_or_null(const std::optional<T>& value) {
    return value ? json(*value) : json();
}

std::string full_path(const BaseName& base, const Cache& cache) {
    return StorePath{cache.store_dir, base}.to_string();
}

}  // namespace

json json_time(const std::optional<std::int64_t>& time) {
    return time ? json(service::time_text(*time)) : json();
}

json root_json(const service::JudgedRoot& judged) {
    const auto& root = judged.root;
    return {
        {"name", root.name},
        {"id", root.id},
        {"kind", to_string(root.kind)},
        {"item", text_or_null(root.item)},
        {"paths", root.paths},
        {"missing", judged.missing},
        {"channel", text_or_null(judged.channel)},
        {"bumped_at", json_time(root.bumped_at)},
        {"never_delete", root.never_delete},
        {"owner", root.owner},
        {"reason", root.reason},
        {"created_at", json_time(root.created_at)},
        {"expires_at", json_time(root.expires_at)},
        {"lives", judged.lives},
        {"why", judged.why},
    };
}

json added_root_json(const std::string& name, const service::AddedRoot& root, const Cache& cache) {
    auto examples = json::array();
    for (const auto& path : root.examples) examples.push_back(full_path(path, cache));
    return {
        {"root", name},
        {"id", root.id},
        {"outcome", to_string(root.what)},
        {"lives", root.lives},
        {"paths", root.paths},
        {"restored", root.rescued},
        {"missing", root.missing},
        {"missing_paths", std::move(examples)},
    };
}

json root_path_json(const db::RootPath& path, const Cache& cache) {
    json out = {{"hash", path.hash.to_string()}, {"served", path.served}};
    if (!path.name.empty()) out["store_path"] = full_path({path.hash, path.name}, cache);
    return out;
}

json channel_json(const db::Channel& channel, std::span<const service::JudgedRoot> roots) {
    auto bumps = json::array();
    for (const auto& root : roots) {
        if (root.root.channel != channel.id) continue;
        bumps.push_back({
            {"root", root.root.name},
            {"bumped_at", json_time(root.root.bumped_at)},
            {"paths", root.root.paths},
            {"kept", root.lives},
            {"why", root.why},
        });
    }
    return {
        {"name", channel.name},
        {"status", to_string(channel.rule.status)},
        {"keep_last", value_or_null(channel.rule.keep_last)},
        {"max_age_seconds", value_or_null(channel.rule.max_age)},
        {"bumps", std::move(bumps)},
    };
}

json audit_json(const db::AuditRow& row) {
    return {
        {"id", row.id},
        {"at", json_time(row.at)},
        {"who", row.audit.who},
        {"action", row.audit.action},
        {"subject", row.audit.subject},
        {"reason", row.audit.reason},
        {"details", json::parse(row.audit.details)},
    };
}

json plan_json(const db::Plan& plan) {
    return {
        {"plan", plan.id},
        {"created_at", json_time(plan.created_at)},
        {"created_by", plan.created_by},
        {"engine", plan.engine},
        {"policy", json::parse(plan.policy)},
        {"summary", json::parse(plan.summary)},
        {"state", plan.state},
        {"hidden_at", json_time(plan.hidden_at)},
        {"restored_at", json_time(plan.restored_at)},
        {"purged_at", json_time(plan.purged_at)},
    };
}

}  // namespace narthex::http
