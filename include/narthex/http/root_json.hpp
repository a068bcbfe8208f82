// Roots, channels, the audit log and plans as JSON: of the commands' --json and of the admin API,
// which are the same. docs/openapi.json describes them.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/db/audit.hpp"
#include "narthex/db/plans.hpp"
#include "narthex/service/root_changes.hpp"
#include "narthex/service/roots.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace narthex::http {

// RFC 3339, or null.
[[nodiscard]] nlohmann::json json_time(const std::optional<std::int64_t>& time);

[[nodiscard]] nlohmann::json root_json(const service::JudgedRoot& judged);

// What became of a root that was added under this name.
[[nodiscard]] nlohmann::json added_root_json(
    const std::string& name, const service::AddedRoot& root, const Cache& cache
);

// A path of a root: "store_path" is absent while the cache has no narinfo of it.
[[nodiscard]] nlohmann::json root_path_json(const db::RootPath& path, const Cache& cache);

// `roots`: all of the cache's.
[[nodiscard]] nlohmann::json channel_json(
    const db::Channel& channel, std::span<const service::JudgedRoot> roots
);

[[nodiscard]] nlohmann::json audit_json(const db::AuditRow& row);

[[nodiscard]] nlohmann::json plan_json(const db::Plan& plan);

}  // namespace narthex::http
