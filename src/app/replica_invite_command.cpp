#include "replica_commands.hpp"

#include "narthex/app/caller.hpp"
#include "narthex/app/database.hpp"
#include "narthex/app/time_text.hpp"
#include "narthex/service/replica_invite.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace narthex::app {

namespace {

struct InviteFlags : ReplicaFlags {
    std::string name;
    std::string url;
    std::string address;
    std::string expires = "24h";
};

struct HostAndPort {
    std::string host;
    std::string port;
};

HostAndPort parse_address(const std::string& text) {
    const auto colon = text.rfind(':');
    const auto port = colon == std::string::npos ? "" : text.substr(colon + 1);
    auto host = text.substr(0, std::min(colon, text.size()));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const bool is_number =
        !port.empty() && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    const bool plain = host.find_first_of(" /@?#,'\"\\") == std::string::npos;
    if (is_number && port.size() <= 5 && !host.empty() && plain) return {host, port};
    throw UsageError(fmt::format("--address: \"{}\" is not HOST:PORT", text));
}

std::string host_of_url(const std::string& url) {
    const auto begin = url.find("://") + 3;
    auto host = url.substr(begin, url.find('/', begin) - begin);
    if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
    return host.substr(0, host.find(':'));
}

// Where regions reach narthex's own PostgreSQL.
HostAndPort own_address(const db::Cluster& cluster, const std::string& url) {
    const auto listener = cluster.region_listener();
    if (!listener) {
        throw Failure(
            "narthex's own PostgreSQL doesn't listen for regions yet: start serve with "
            "--region-listen ADDRESS:PORT"
        );
    }
    const auto port = std::to_string(listener->port);
    const bool anywhere = listener->address == "0.0.0.0" || listener->address == "::";
    if (!anywhere) return {listener->address, port};
    if (!url.empty()) return {host_of_url(url), port};
    throw Failure(fmt::format(
        "PostgreSQL listens on all addresses: say which one regions reach, --address HOST:{}", port
    ));
}

service::InviteOptions options_of(const InviteFlags& flags, const OpenDatabase& database) {
    service::InviteOptions options;
    options.name = flags.name;
    options.url = checked_url("--url", flags.url);
    options.base_uri = database.uri;
    HostAndPort address;
    if (!flags.address.empty()) address = parse_address(flags.address);
    if (database.cluster) {
        // The certificate is PostgreSQL's own: that it is the right one, channel binding proves.
        options.base_uri = "postgresql:///narthex?sslmode=require&channel_binding=require";
        if (address.host.empty()) address = own_address(*database.cluster, options.url);
    }
    options.host = address.host;
    options.port = address.port;
    const auto until = parse_expiry(flags.expires, current_time());
    if (!until) throw UsageError("--expires: " + until.error().message);
    if (!*until) throw UsageError("--expires: an invite ends: 24h, 7d");
    options.until = **until;
    options.who = caller_name();
    return options;
}

void warn_of_setup(const service::Invite& made) {
    if (made.wal_unlimited) {
        warn(
            "a region that is away makes PostgreSQL keep its log until the disk is full: set "
            "max_slot_wal_keep_size = 10GB in postgresql.conf and reload it"
        );
    }
    if (db::describe_address(made.uri).starts_with('/')) {
        warn(
            "the URI is of a socket, which is there for this machine alone: invite again with "
            "--address HOST:PORT"
        );
    }
}

int invite(const InviteFlags& flags) {
    require_region_name(flags.name);
    const auto database = open_database(load(*flags.settings).config);
    const auto options = options_of(flags, database);
    db::Connection connection(database.uri, db::Session::work);
    const auto made = service::invite_region(connection, database.uri, options);
    if (!made) throw Failure(made.error().message);
    warn_of_setup(*made);
    if (flags.json) {
        const nlohmann::json out = {
            {"name", flags.name}, {"uri", made->uri}, {"expires_at", time_text(options.until)}};
        fmt::print("{}\n", out.dump());
        return 0;
    }
    fmt::print(
        "{0}\n\nThe URI holds a password, is shown this once and good until {1}. On the region:\n"
        "narthex replica join --name {2} --primary URI\n",
        made->uri,
        time_text(options.until),
        flags.name
    );
    return 0;
}

struct RemoveFlags : ReplicaFlags {
    std::string name;
};

int remove(const RemoveFlags& flags) {
    require_region_name(flags.name);
    const auto database = open_database(load(*flags.settings).config);
    db::Connection connection(database.uri, db::Session::work);
    const auto removed = service::remove_region(connection, flags.name, caller_name());
    if (!removed) throw Failure(removed.error().message);
    if (flags.json) {
        fmt::print("{}\n", nlohmann::json{{"removed", flags.name}}.dump());
    } else {
        fmt::print("removed region {}: its role, its slot and its token\n", flags.name);
    }
    return 0;
}

}  // namespace

void add_replica_invite(Command replica, Action& action) {
    const auto command = replica.add_subcommand(
        "invite", "on the primary: let a region join; prints the URI that it joins with"
    );
    auto flags = std::make_shared<InviteFlags>();
    add_replica_flags(command, *flags);
    command.add_option("NAME", flags->name, "the region's name").required();
    command
        .add_option(
            "--url", flags->url, "where clients and regions reach this primary; kept, so said once"
        )
        .type_name("URL");
    command
        .add_option(
            "--address",
            flags->address,
            "where the region reaches this primary's PostgreSQL [where it listens]"
        )
        .type_name("HOST:PORT");
    command.add_option("--expires", flags->expires, "until when it has to join: 12h, 7d [24h]")
        .type_name("TIME");
    command.callback([&action, flags] { action = [flags] { return invite(*flags); }; });
}

void add_replica_remove(Command replica, Action& action) {
    const auto command =
        replica.add_subcommand("remove", "on the primary: end a region that can't leave by itself");
    auto flags = std::make_shared<RemoveFlags>();
    add_replica_flags(command, *flags);
    command.add_option("NAME", flags->name, "the region's name").required();
    command.callback([&action, flags] { action = [flags] { return remove(*flags); }; });
}

}  // namespace narthex::app
