// Which instance of narthex a database is of: the one row of table instance. Functions take a
// transaction and never commit.
#pragma once

#include "narthex/db/connection.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace narthex::db {

// The subscription of a region, always.
inline constexpr std::string_view k_subscription = "narthex";

enum class InstanceRole {
    primary,
    joining,  // a region whose first copy isn't complete
    region,
    fenced,  // a primary that another has replaced
};

[[nodiscard]] std::string_view to_string(InstanceRole role);
// Of one that to_string gives; throws std::logic_error.
[[nodiscard]] InstanceRole parse_instance_role(std::string_view text);

struct Instance {
    std::string id;  // a UUID
    InstanceRole role = InstanceRole::primary;
    std::int64_t epoch = 1;  // how often a region was promoted, as far as this instance has heard
    std::string name;        // a region's, as its primary knows it; else empty
    std::optional<std::string> kind;         // a region's: serving, full
    std::optional<std::string> url;          // where clients reach this instance
    std::optional<std::string> primary_url;  // a region's: where clients reach its primary
    std::optional<std::string> replaced_by;  // a fenced one's
    std::optional<std::string> token;        // a region's secret at its primary; never shown
};

[[nodiscard]] Instance read_instance(Tx& tx);

// How the subscription connects, with its password: only a superuser may read it. Absent when there
// is no subscription.
[[nodiscard]] std::optional<std::string> subscription_uri(Tx& tx);

}  // namespace narthex::db
