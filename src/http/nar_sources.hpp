// The bodies of NARs that come from a region's primary. Layer http's own.
#pragma once

#include "narthex/core/hash.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/http/relayed_answer.hpp"
#include "narthex/service/nar_fetch.hpp"

#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace narthex::http {

// One that is kept: from the disk, as it comes.
class FollowedNar : public BodySource, public std::enable_shared_from_this<FollowedNar> {
  public:
    FollowedNar(std::shared_ptr<service::NarFetch> fetch, boost::asio::thread_pool& files)
        : fetch_(std::move(fetch)), files_(files) {}

    void next(Take take) override;

  private:
    void read(const Take& take);

    std::shared_ptr<service::NarFetch> fetch_;
    boost::asio::thread_pool& files_;
    std::uint64_t sent_ = 0;
};

// One that isn't: straight through. Its last piece is held back until all of it has `hash`.
class CheckedNar : public BodySource, public std::enable_shared_from_this<CheckedNar> {
  public:
    CheckedNar(const std::shared_ptr<service::Exchange>& exchange, std::optional<Sha256> hash)
        : source_(exchange), wanted_(hash) {}

    void next(Take take) override;

  private:
    void take_piece(std::optional<std::string> piece, const Take& take);

    ExchangeSource source_;
    std::optional<Sha256> wanted_;
    Sha256Stream hash_;
    std::string held_;
    bool ended_ = false;
};

}  // namespace narthex::http
