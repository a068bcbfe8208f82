#include "narthex/service/replica_join.hpp"

#include "narthex/core/cache.hpp"
#include "narthex/core/token.hpp"
#include "narthex/db/collecting.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/regions.hpp"
#include "narthex/db/subscription.hpp"
#include "narthex/service/replica_invite.hpp"
#include "narthex/service/replica_primary.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace narthex::service {

namespace {

constexpr int k_oldest_postgres = 150000;
constexpr std::chrono::seconds k_catch_up(600);
constexpr std::chrono::seconds k_slots_limit(30);

Result<void> check_setup(const db::SubscriberSetup& setup) {
    if (setup.version < k_oldest_postgres) {
        return Error{fmt::format(
            "a region needs PostgreSQL 15 or newer, this is {}", setup.version / 10000
        )};
    }
    if (setup.is_superuser) return {};
    return Error{
        "a subscription needs a superuser of this PostgreSQL: give --database one, or leave it out "
        "for a "
        "PostgreSQL of narthex's own"};
}

Result<void> check_empty(const db::OwnRows& own) {
    for (const auto& cache : own.caches) {
        if (cache.name == k_default_cache && cache.store_dir == "/nix/store") continue;
        return Error{fmt::format(
            "this database has a cache {} of its own, for {}, which a copy of the primary would "
            "replace: "
            "join with an empty database",
            cache.name,
            cache.store_dir
        )};
    }
    if (own.caches.empty() && own.tables.empty()) return {};
    auto tables = own.tables;
    if (tables.empty()) tables.emplace_back("cache");
    return Error{fmt::format(
        "this database has rows of its own ({}), which a copy of the primary would replace: join "
        "with "
        "an empty one",
        fmt::join(tables, ", ")
    )};
}

class Join {
  public:
    Join(
        const std::string& database, const Result<db::Primary>& primary, const JoinOptions& options
    )
        : database_(database),
          local_(database, db::Session::work),
          invite_(primary),
          options_(options) {}

    Result<Joined> run() {
        read();
        if (auto good = check_local(); !good) return good.error();
        if (auto begun = is_new() ? begin_anew() : go_on(); !begun) return begun.error();
        if (was_joined_) {
            follow();  // its subscription may have been switched off by an error
            return Joined{*here_.kind, here_.primary_url, here_.url, true, {}};
        }
        if (auto made = ensure_slot(); !made) return made.error();
        follow();
        if (auto copied = copy(); !copied) return copied.error();
        local_.write([](db::Tx& tx) { db::analyze(tx); });
        local_.write([](db::Tx& tx) { db::end_joining(tx); });
        return Joined{*here_.kind, here_.primary_url, here_.url, false, copied_};
    }

  private:
    void read() {
        local_.read([this](db::Tx& tx) {
            here_ = db::read_instance(tx);
            own_ = db::find_own_rows(tx);
            uri_ = db::subscription_uri(tx);
        });
    }

    [[nodiscard]] bool is_new() const {
        if (options_.replace) return !is_under_way();
        return here_.role == db::InstanceRole::primary;
    }

    // What was killed while it followed this primary: the invite is used.
    [[nodiscard]] bool is_under_way() const {
        return here_.role == db::InstanceRole::joining && here_.name == options_.name && uri_ &&
               db::describe_address(*uri_) == db::describe_address(options_.primary);
    }

    Result<void> check_local() {
        using db::InstanceRole;
        if (options_.replace) return {};
        if (here_.role == InstanceRole::fenced) {
            return Error{fmt::format(
                "this was a primary until {} replaced it: 'narthex replica follow' makes a region "
                "of it, "
                "and throws away what it has",
                here_.replaced_by.value_or("another")
            )};
        }
        if (here_.role == InstanceRole::primary) return {};
        if (here_.name == options_.name) return {};
        return Error{fmt::format(
            "this is region {} of {} already: 'narthex replica leave' ends that",
            here_.name,
            here_.primary_url.value_or("another primary")
        )};
    }

    // All checks come first: what is refused leaves nothing behind.
    Result<void> begin_anew() {
        if (!invite_) return invite_.error();
        if (auto good = check_invited(*invite_, options_.name, here_.id); !good) return good;
        if (!options_.replace) {
            if (auto good = check_empty(own_); !good) return good;
        }
        if (options_.replace) {
            if (auto closed = close_all_regions(local_); !closed) return closed;
        }
        // As long and as random as a token, and as safe in a URI.
        const auto password = generate_token();
        uri_ = db::uri_for(options_.primary, {db::region_login(options_.name), password, "", ""});
        begin({
            options_.name,
            options_.kind.value_or(here_.kind.value_or("serving")),
            options_.url,
            invite_->url.value_or(""),
            invite_->epoch,
            generate_token(),
            *uri_,
        });
        return accept(options_.primary);
    }

    // Before the primary hears of the password, so that no kill leaves it unknown to both.
    void begin(const db::Joining& joining) {
        local_.write([&](db::Tx& tx) {
            db::drop_subscription(tx);
            db::begin_joining(tx, joining);
            here_ = db::read_instance(tx);
        });
    }

    // `uri`: with the password of the invite, or with the lasting one.
    Result<void> accept(const std::string& uri) {
        const auto login = db::region_login(here_.name);
        const auto verifier = db::scram_verifier(database_, login, db::password_of(*uri_));
        const auto own = subscription();
        db::Connection connection(uri, db::Session::work);
        connection.write([&](db::Tx& tx) {
            db::accept_region(
                tx,
                {here_.id,
                 own.system_identifier,
                 own.id,
                 *here_.kind,
                 here_.url.value_or(""),
                 verifier,
                 hash_token(*here_.token).value()}
            );
        });
        return connect();
    }

    // As the region, with the lasting password.
    Result<void> connect() {
        auto found = find_primary(*uri_);
        if (!found) return found.error();
        primary_ = *found;
        return {};
    }

    Result<void> go_on() {
        if (!uri_) {
            return Error{
                "the subscription narthex has gone: 'narthex replica leave --force', then join "
                "again"};
        }
        if (auto known = connect(); !known) {
            // Killed before the invite's password was swapped; else the invite is of no use.
            if (!invite_) return known;
            if (auto good = check_invited(*invite_, here_.name, here_.id); !good) return good;
            if (auto good = accept(options_.primary); !good) return good;
        }
        if (primary_->joined_instance != here_.id) {
            return Error{fmt::format(
                "the primary doesn't know this region any more: 'narthex replica leave --force', "
                "then "
                "'narthex replica invite {}' there and join again",
                here_.name
            )};
        }
        const bool other_kind = options_.kind && options_.kind != here_.kind;
        const bool has_slot = primary_->slot_active && primary_->slot_status != "lost";
        const bool joining = here_.role == db::InstanceRole::joining;
        was_joined_ = !joining && has_slot && !other_kind;
        if (other_kind || (!joining && !has_slot)) return copy_afresh();
        return joining || is_other_url() ? change() : Result<void>();
    }

    [[nodiscard]] bool is_other_url() const {
        return !options_.url.empty() && options_.url != here_.url;
    }

    // What the primary knows of it.
    Result<void> change() {
        if (is_other_url()) {
            here_.url = options_.url;
            local_.write([this](db::Tx& tx) { db::set_instance_url(tx, *here_.url); });
        }
        return accept(*uri_);
    }

    Result<void> copy_afresh() {
        if (auto dropped = drop_slots(); !dropped) return dropped;
        begin({
            here_.name,
            options_.kind.value_or(*here_.kind),
            options_.url,
            primary_->url.value_or(""),
            primary_->epoch,
            *here_.token,
            *uri_,
        });
        return accept(*uri_);
    }

    // Those of the copy so far: they would stay, and keep WAL.
    Result<void> drop_slots() {
        const auto own = subscription();
        db::Connection primary(*uri_, db::Session::work);
        local_.write([](db::Tx& tx) { db::disable_subscription(tx); });
        if (drop_own_slots(primary, own, k_slots_limit)) return {};
        local_.write([](db::Tx& tx) { db::enable_subscription(tx); });
        return Error{"the slot is still in use at the primary: try again in some seconds"};
    }

    // A slot that is new holds nothing from before: what was copied doesn't belong to it.
    Result<void> ensure_slot() {
        const bool lost = primary_->slot_status == "lost";
        if (primary_->slot_active && !lost) return {};
        if (lost || has_begun()) {
            if (auto begun = copy_afresh(); !begun) return begun;
        }
        db::Connection connection(*uri_, db::Session::work);
        connection.write([](db::Tx& tx) { db::create_region_slot(tx); });
        return {};
    }

    db::Subscription subscription() {
        std::optional<db::Subscription> found;
        local_.read([&](db::Tx& tx) { found = db::find_subscription(tx); });
        return found.value();
    }

    bool has_begun() {
        bool begun = false;
        const auto own = subscription();
        local_.read([&](db::Tx& tx) { begun = !db::list_table_states(tx, own).empty(); });
        return begun;
    }

    void follow() {
        local_.write([](db::Tx& tx) { db::enable_subscription(tx); });
        db::refresh_subscription(database_);
    }

    Result<void> copy() {
        db::Connection connection(*uri_, db::Session::work);
        CopyOptions options;
        connection.read([&](db::Tx& tx) { options.sizes = db::table_sizes(tx, *here_.kind); });
        options.stop = options_.stop;
        options.progress = [this](const CopyProgress& now) {
            copied_ = now;
            if (options_.progress) options_.progress(now);
        };
        if (auto copied = await_copy(local_, options); !copied) return copied;
        std::string position;
        connection.read([&](db::Tx& tx) { position = db::current_wal_position(tx); });
        return await_applied(connection, position, k_catch_up, options_.stop);
    }

    std::string database_;
    db::Connection local_;
    Result<db::Primary> invite_;
    const JoinOptions& options_;
    db::Instance here_;
    db::OwnRows own_;
    std::optional<std::string> uri_;  // of the primary, with the lasting password
    std::optional<db::Primary> primary_;
    CopyProgress copied_{};
    bool was_joined_ = false;
};

}  // namespace

Result<void> check_subscriber(const std::string& database) {
    db::Connection connection(database, db::Session::work);
    db::SubscriberSetup setup{};
    connection.read([&](db::Tx& tx) { setup = db::find_subscriber_setup(tx); });
    return check_setup(setup);
}

Result<Joined> join_primary(
    const std::string& database, const Result<db::Primary>& primary, const JoinOptions& options
) {
    return Join(database, primary, options).run();
}

}  // namespace narthex::service
