// A NAR on its way from the primary into a region's directory. It comes as fast as the primary
// sends; who wants it reads it from the disk while it comes (NarFetch::read), any number of them,
// but its last byte only when all of it fits its size and its hash. When nobody wants it any more
// it is broken off.
#pragma once

#include "narthex/db/instance.hpp"
#include "narthex/db/lookup_connection.hpp"
#include "narthex/service/exchange.hpp"
#include "narthex/service/kept_nars.hpp"
#include "narthex/service/log_limit.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace narthex::service {

struct WantedNar {
    std::string url;                  // at the primary
    std::vector<std::string> fields;  // of the request
    std::string path;                 // where it is kept
    db::NarFacts facts;
};

// A NAR of the cache of that name, by its URL as in nar_path, for the region `instance` itself, by
// its right.
[[nodiscard]] WantedNar wanted_nar(
    const db::Instance& instance,
    const KeptNars& kept,
    const std::string& cache,
    const std::string& nar,
    const db::NarFacts& facts
);

class NarFetch : public std::enable_shared_from_this<NarFetch> {
  public:
    enum class State {
        asking,
        coming,
        kept,
        unkept,   // there is no room for it: it has to be asked for without keeping it
        absent,   // the primary has none
        refused,  // what the primary has isn't the NAR
        failed,   // it can't be reached, or broke off
    };
    struct Standing {
        State state;
        std::uint64_t size = 0;      // of all of it
        std::uint64_t readable = 0;  // of those bytes
    };

    ~NarFetch();
    NarFetch(const NarFetch&) = delete;
    NarFetch& operator=(const NarFetch&) = delete;

    [[nodiscard]] Standing standing() const;

    // Calls once: when it isn't asking any more; when more than `offset` bytes are readable or none
    // will come. Perhaps before it returns; else on a thread for disks.
    void when_begun(std::function<void()> call) { when(0, std::move(call), true); }
    void when_past(std::uint64_t offset, std::function<void()> call) {
        when(offset, std::move(call), false);
    }

    // What is readable. Blocks on the disk.
    [[nodiscard]] std::string read(std::uint64_t offset, std::size_t most) const;

  private:
    friend class NarFetches;
    struct Shared;
    struct Waiting {
        std::uint64_t offset;
        std::function<void()> call;
        bool for_begin;
    };

    NarFetch(std::shared_ptr<Shared> shared, WantedNar nar);
    void start();
    void ask();
    void begun(
        const std::shared_ptr<Exchange>& exchange,
        const std::variant<ExchangeHead, ExchangeFault>& what
    );
    void receive(const ExchangeHead& head);
    [[nodiscard]] bool make_room(std::uint64_t size);
    void go_on();
    void take(const std::optional<std::string>& piece);
    void finish();
    void fail(std::string_view reason);
    void end(State state, std::string_view reason);
    void when(std::uint64_t offset, std::function<void()> call, bool for_begin);
    void tell();
    [[nodiscard]] bool is_due(const Waiting& waiting) const;
    [[nodiscard]] std::uint64_t readable() const;

    std::shared_ptr<Shared> shared_;
    WantedNar nar_;
    std::shared_ptr<Exchange> exchange_;
    std::unique_ptr<IncomingKept> file_;
    mutable std::mutex mutex_;  // for what follows
    State state_ = State::asking;
    std::uint64_t size_ = 0;
    std::uint64_t written_ = 0;
    std::vector<Waiting> waiting_;
};

class NarFetches {
  public:
    // Runs a job on a thread for disks.
    using Disk = std::function<void(std::function<void()>)>;

    // `kept` and `exchanges` outlive it and all fetches.
    NarFetches(const KeptNars& kept, Exchanges& exchanges, Disk disk);

    // The one that is under way, or a new one. Any thread.
    [[nodiscard]] std::shared_ptr<NarFetch> fetch(WantedNar nar);

    struct Figures {
        std::uint64_t kept = 0;
        std::uint64_t bytes = 0;    // of those that were kept
        std::uint64_t refused = 0;  // what came wasn't the NAR
        std::uint64_t failed = 0;   // it didn't come, or not whole
        std::uint64_t unkept = 0;   // there was no room
    };
    [[nodiscard]] Figures figures() const;  // any thread

  private:
    std::shared_ptr<NarFetch::Shared> shared_;
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<NarFetch>> under_way_;  // by path
};

}  // namespace narthex::service
