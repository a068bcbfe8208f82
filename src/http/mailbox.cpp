#include "narthex/http/mailbox.hpp"

#include <boost/asio/post.hpp>

namespace narthex::http {

namespace asio = boost::asio;
using service::LookupAnswer;

Mailbox::Mailbox(
    asio::io_context& io,
    service::Lookups& lookups,
    service::Leases& leases,
    NarinfoCache& cache,
    std::function<void(std::vector<Mail>)> deliver
)
    : io_(io), lookups_(lookups), leases_(leases), cache_(cache), deliver_(std::move(deliver)) {}

void Mailbox::ask(
    service::LookupKey key,
    std::chrono::steady_clock::time_point deadline,
    std::weak_ptr<void> client,
    std::uint64_t id,
    bool leases
) {
    // Behind whatever is ready on the loop by now, whose questions go along.
    if (asked_.empty() && to_lease_.empty()) asio::post(io_, [this] { submit(); });
    const auto* path = std::get_if<PathKey>(&key);
    const auto stamp =
        path == nullptr ? service::Epochs::Stamp{} : cache_.epochs().stamp(path->hash);
    auto& list = leases ? to_lease_ : asked_;
    list.push_back({std::move(key), deadline, std::move(client), id, stamp, this, leases});
}

void Mailbox::submit() {
    std::vector<service::Lookup> asked;
    std::vector<service::Lookup> to_lease;
    asked.swap(asked_);
    to_lease.swap(to_lease_);
    if (!asked.empty()) lookups_.submit(asked);
    if (!to_lease.empty()) leases_.submit(to_lease);
}

void Mailbox::answered(std::vector<service::Answered> batch) {
    const auto now = std::chrono::steady_clock::now();
    std::vector<Mail> mails;
    mails.reserve(batch.size());
    for (auto& [lookup, answer] : batch) {
        auto narinfo = std::static_pointer_cast<const NarinfoAnswer>(std::move(answer.narinfo));
        const auto* path = std::get_if<PathKey>(&lookup.key);
        if (path != nullptr && answer.status != LookupAnswer::Status::unavailable) {
            const bool hidden = answer.status == LookupAnswer::Status::hidden;
            const NarinfoCache::Found found{narinfo, hidden, answer.batches};
            if (!lookup.publisher) cache_.count(*path, found);
            if (answer.lasting) cache_.fill(*path, lookup.stamp, found, now);
        }
        mails.push_back(
            {std::move(lookup.client),
             lookup.id,
             answer.status,
             std::move(narinfo),
             std::move(answer.files),
             std::move(answer.redirect),
             std::move(answer.facts)}
        );
    }
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) asio::post(io_, [this] { open(); });
    std::move(mails.begin(), mails.end(), std::back_inserter(inbox_));
}

void Mailbox::open() {
    std::vector<Mail> mails;
    {
        const std::lock_guard lock(mutex_);
        mails.swap(inbox_);
    }
    deliver_(std::move(mails));
}

}  // namespace narthex::http
