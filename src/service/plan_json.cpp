#include "narthex/service/plan_summary.hpp"

#include <nlohmann/json.hpp>

namespace narthex::service {

namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Tally& tally) {
    return {{"paths", tally.paths}, {"nar_size", tally.nar_size}};
}

Json to_json(const std::string& key, const std::string& name, const Tally& tally) {
    return {{key, name}, {"paths", tally.paths}, {"nar_size", tally.nar_size}};
}

Json to_json(const std::vector<Named>& list, const std::string& key) {
    auto out = Json::array();
    for (const auto& each : list) out.push_back(to_json(key, each.name, each.tally));
    return out;
}

Json to_json(const std::vector<PlannedPath>& list, const std::string& store_dir) {
    auto out = Json::array();
    for (const auto& each : list) {
        out.push_back(
            {{"store_path", StorePath{store_dir, each.base}.to_string()},
             {"nar_size", each.nar_size},
             {"requested", each.requested}}
        );
    }
    return out;
}

Json ages_of(const PlanSummary& summary) {
    auto out = Json::array();
    for (std::size_t i = 0; i < k_age_classes; ++i) {
        out.push_back(to_json("age", age_class_name(i), summary.by_age[i]));
    }
    return out;
}

Json seeds_of(const PlanSummary& summary) {
    auto out = Json::object();
    for (const auto& [name, count] : summary.seeds) out[name] = count;
    return out;
}

Json interlocks_of(const PlanSummary& summary) {
    auto out = Json::array();
    for (const auto& each : summary.interlocks) {
        out.push_back({{"name", each.name}, {"message", each.message}});
    }
    return out;
}

Json difference_of(const PlanSummary& summary) {
    if (!summary.difference) return nullptr;
    const auto& [plan, added, gone] = *summary.difference;
    return {{"plan", plan}, {"added", added}, {"gone", gone}};
}

}  // namespace

std::string to_json(const PlanSummary& summary, const std::string& store_dir) {
    Json out = {
        {"paths", summary.planned.paths},
        {"nar_size", summary.planned.nar_size},
        {"file_size", summary.file_size},
        {"by_reason",
         {{"unreachable", to_json(summary.unreachable)}, {"released", to_json(summary.released)}}},
        {"live", to_json(summary.live)},
        {"hidden", to_json(summary.hidden)},
        {"by_age", ages_of(summary)},
        {"by_tag", to_json(summary.by_tag, "tag")},
        {"by_name", to_json(summary.by_name, "name")},
        {"largest", to_json(summary.largest, store_dir)},
        {"requested",
         {{"days", summary.requested_days},
          {"paths", summary.requested_paths},
          {"most", to_json(summary.requested, store_dir)}}},
        {"seeds", seeds_of(summary)},
        {"roots",
         {{"living", summary.roots},
          {"paths", summary.rooted_paths},
          {"unresolved", summary.unresolved}}},
        {"difference", difference_of(summary)},
        {"interlocks", interlocks_of(summary)},
    };
    if (summary.saving_per_month) out["saving_per_month"] = *summary.saving_per_month;
    return out.dump();
}

}  // namespace narthex::service
