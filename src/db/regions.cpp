#include "narthex/db/regions.hpp"

#include "libpq.hpp"
#include "spelled.hpp"

#include "narthex/db/sql.hpp"

#include <algorithm>
#include <chrono>

namespace narthex::db {

namespace {

constexpr std::string_view k_login = "narthex_region_";

template <class T>
std::optional<T> optional_of(const pqxx::field& field) {
    if (field.is_null()) return std::nullopt;
    return field.as<T>();
}

ListedRegion to_region(const pqxx::row& row) {
    return {
        row[0].as<std::string>(),
        row[1].as<std::string>(),
        optional_of<std::string>(row[2]),
        optional_of<std::string>(row[3]),
        row[4].as<std::int64_t>(),
        optional_of<std::int64_t>(row[5]),
        optional_of<bool>(row[6]),
        optional_of<std::string>(row[7]),
        optional_of<std::int64_t>(row[8]),
        optional_of<std::int64_t>(row[9]),
        optional_of<std::int64_t>(row[10]),
        optional_of<double>(row[11]),
        optional_of<double>(row[12]),
        optional_of<std::int64_t>(row[13]),
        optional_of<int>(row[14]),
        optional_of<std::int64_t>(row[15]),
        optional_of<std::string>(row[16]),
    };
}

}  // namespace

bool is_region_name(std::string_view name) {
    constexpr std::size_t k_longest = 32;
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    return !name.empty() && name.size() <= k_longest && is_letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) {
               return is_letter(c) || c == '_' || (c >= '0' && c <= '9');
           });
}

std::string region_login(std::string_view name) {
    return std::string(k_login) + std::string(name);
}

std::string region_of_login(std::string_view login) {
    if (!login.starts_with(k_login)) return {};
    return std::string(login.substr(k_login.size()));
}

PrimarySetup find_primary_setup(Tx& tx) {
    const auto row = exec(tx, sql::find_primary_setup)[0];
    return {row[0].as<int>(), row[1].as<std::string>(), row[2].as<bool>(), row[3].as<bool>()};
}

void prepare_for_regions(Tx& tx) {
    exec(tx, sql::lock_schema);
    exec_spelled(tx, sql::spell_publications);
    exec_spelled(tx, sql::spell_region_group);
}

void renew_publications(Tx& tx) {
    if (exec(tx, sql::publications_exist)[0][0].as<bool>()) prepare_for_regions(tx);
}

void set_instance_url(Tx& tx, const std::string& url) {
    exec(tx, sql::set_instance_url, url);
}

InviteFate invite_region(
    Tx& tx, const std::string& name, const std::string& verifier, std::int64_t until
) {
    const auto login = region_login(name);
    const bool known = !exec(tx, sql::find_region, name).empty();
    const bool role_there = exec(tx, sql::role_exists, login)[0][0].as<bool>();
    if (role_there && !known) return InviteFate::role_taken;
    if (exec(tx, sql::invite_region, name, login, until).empty()) return InviteFate::joined_already;
    exec_spelled(tx, sql::spell_region_role, login, verifier, until);
    return InviteFate::invited;
}

std::string scram_verifier(
    const std::string& uri, const std::string& login, const std::string& password
) {
    return Libpq(uri, Session::work, std::chrono::seconds(5)).scram_verifier(login, password);
}

std::vector<ListedRegion> list_regions(Tx& tx) {
    std::vector<ListedRegion> out;
    for (const auto& row : exec(tx, sql::list_regions)) out.push_back(to_region(row));
    return out;
}

std::vector<std::string> list_left_regions(Tx& tx) {
    std::vector<std::string> out;
    for (const auto& row : exec(tx, sql::list_left_regions)) {
        out.push_back(row[0].as<std::string>());
    }
    return out;
}

std::optional<std::vector<std::string>> lock_region_out(Tx& tx, const std::string& name) {
    if (exec(tx, sql::find_region, name).empty()) return std::nullopt;
    const auto login = region_login(name);
    exec_spelled(tx, sql::spell_region_lockout, login);
    std::vector<std::string> slots;
    for (const auto& row : exec(tx, sql::list_region_slots, login)) {
        slots.push_back(row[0].as<std::string>());
    }
    return slots;
}

bool try_close_region(Tx& tx, const std::string& name, std::span<const std::string> slots) {
    const auto login = region_login(name);
    exec(tx, sql::close_region, login);
    exec(tx, sql::drop_slots, text_array(slots));
    if (exec(tx, sql::slots_exist, text_array(slots))[0][0].as<bool>()) return false;
    exec_spelled(tx, sql::spell_drop_region_role, login);
    return true;
}

void delete_region(Tx& tx, const std::string& name) {
    exec(tx, sql::delete_region, name);
}

}  // namespace narthex::db
