#include "narthex/service/old_primary.hpp"

#include "narthex/db/audit.hpp"
#include "narthex/db/instance.hpp"
#include "narthex/db/subscription.hpp"

namespace narthex::service {

std::optional<OldPrimary> find_old_primary(db::Connection& here) {
    db::Instance instance;
    std::optional<std::string> uri;
    here.read([&](db::Tx& tx) {
        instance = db::read_instance(tx);
        if (db::find_subscription(tx)) uri = db::subscription_uri(tx);
    });
    if (instance.role != db::InstanceRole::primary || !uri) return std::nullopt;
    return OldPrimary{*uri, instance.epoch, instance.url.value_or("another primary")};
}

void fence_old_primary(
    db::Connection& here, db::PrimaryConnection& there, const OldPrimary& old_primary
) {
    there.fence(old_primary.epoch, old_primary.successor);
    here.write([](db::Tx& tx) {
        // Unless it follows another one by now.
        if (db::read_instance(tx).role == db::InstanceRole::primary) db::drop_subscription(tx);
    });
}

void forget_old_primary(
    db::Connection& here, const OldPrimary& old_primary, const std::string& who
) {
    here.write([&](db::Tx& tx) {
        db::drop_subscription(tx);
        db::add_audit(
            tx,
            {who,
             "replica promote",
             std::nullopt,
             db::describe_address(old_primary.uri),
             "the old primary is given up"}
        );
    });
}

}  // namespace narthex::service
