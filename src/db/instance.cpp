#include "narthex/db/instance.hpp"

#include "pqxx.hpp"

#include "narthex/db/sql.hpp"

#include <array>
#include <stdexcept>
#include <utility>

namespace narthex::db {

namespace {

constexpr std::array k_roles = {
    std::pair(InstanceRole::primary, std::string_view("primary")),
    std::pair(InstanceRole::joining, std::string_view("joining")),
    std::pair(InstanceRole::region, std::string_view("region")),
    std::pair(InstanceRole::fenced, std::string_view("fenced")),
};

std::optional<std::string> text_or_none(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<std::string>();
}

}  // namespace

std::string_view to_string(InstanceRole role) {
    for (const auto& [each, name] : k_roles) {
        if (each == role) return name;
    }
    throw std::logic_error("unknown role of an instance");
}

InstanceRole parse_instance_role(std::string_view text) {
    for (const auto& [role, name] : k_roles) {
        if (name == text) return role;
    }
    throw std::logic_error("an instance has a role that this narthex doesn't know");
}

Instance read_instance(Tx& tx) {
    const auto row = exec(tx, sql::find_instance)[0];
    return {
        row[0].as<std::string>(),
        parse_instance_role(row[1].as<std::string>()),
        row[2].as<std::int64_t>(),
        row[3].as<std::string>(),
        text_or_none(row[4]),
        text_or_none(row[5]),
        text_or_none(row[6]),
        text_or_none(row[7]),
        text_or_none(row[8]),
    };
}

std::optional<std::string> subscription_uri(Tx& tx) {
    const auto rows = exec(tx, sql::subscription_uri, std::string(k_subscription));
    if (rows.empty()) return std::nullopt;
    return rows[0][0].as<std::string>();
}

}  // namespace narthex::db
