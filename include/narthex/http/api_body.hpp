// What the bodies of the admin API say (docs/openapi.json), as the service takes it. Pure, any
// thread.
#pragma once

#include "narthex/core/cache.hpp"
#include "narthex/core/error.hpp"
#include "narthex/core/retention.hpp"
#include "narthex/service/root_changes.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::http {

// Errors name the field. Fields that aren't known are errors, too.

// {"path": ..} or {"paths": [..]} or {"pattern": ..}, "expires", "owner", "reason", ...
[[nodiscard]] Result<service::RootRequest> parse_root_body(
    const std::string& name, std::string_view body, const Cache& cache, std::int64_t now
);

// {"paths": [..]}, "at", "name", "reason", "replace".
[[nodiscard]] Result<service::RootRequest> parse_bump_body(
    const std::string& channel, std::string_view body, const Cache& cache, std::int64_t now
);

struct ChannelBody {
    RetentionRule rule;
    std::string reason;
};
// {"status": .., "keep_last": .., "max_age": "90d", "reason": ..}
[[nodiscard]] Result<ChannelBody> parse_channel_body(std::string_view body);

}  // namespace narthex::http
