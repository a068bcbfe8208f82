#include "narthex/service/fetcher.hpp"

#include <curl/curl.h>

#include <array>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace narthex::service {

namespace {

constexpr long k_most_redirects = 5;
constexpr int k_longest_poll_ms = 60'000;

struct EasyEnd {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct MultiEnd {
    void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

void start_curl() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

// Such a server isn't away: another document may be fine.
bool shows_life(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_URL_MALFORMAT:
        case CURLE_UNSUPPORTED_PROTOCOL:  // where a redirect led
        case CURLE_WRITE_ERROR:           // our own: too large
        case CURLE_TOO_MANY_REDIRECTS:
        case CURLE_PARTIAL_FILE:
        case CURLE_BAD_CONTENT_ENCODING:
            return true;
        default:
            return false;
    }
}

}  // namespace

struct Fetcher::Impl {
    struct Transfer {
        std::string url;
        Done done;
        std::unique_ptr<CURL, EasyEnd> easy;
        std::string body;
        std::size_t largest = 0;
        std::array<char, CURL_ERROR_SIZE> message{};
    };

    explicit Impl(FetchOptions given) : options(std::move(given)) {
        start_curl();
        multi.reset(curl_multi_init());
        if (!multi) throw std::runtime_error("libcurl can't be started");
        thread = std::thread([this] { run(); });
    }

    void run() {
        while (true) {
            std::vector<std::unique_ptr<Transfer>> fresh;
            {
                const std::lock_guard lock(mutex);
                if (stopping) break;
                fresh.swap(asked);
            }
            for (auto& transfer : fresh) begin(std::move(transfer));
            int running = 0;
            curl_multi_perform(multi.get(), &running);
            end_finished();
            curl_multi_poll(multi.get(), nullptr, 0, k_longest_poll_ms, nullptr);
        }
        for (auto& [easy, transfer] : transfers) curl_multi_remove_handle(multi.get(), easy);
        transfers.clear();
    }

    void begin(std::unique_ptr<Transfer> transfer) {
        transfer->easy.reset(curl_easy_init());
        auto* const easy = transfer->easy.get();
        if (easy == nullptr || !set_up(*transfer) ||
            curl_multi_add_handle(multi.get(), easy) != CURLM_OK) {
            transfer->done({0, {}, "libcurl can't begin", true});
            return;
        }
        transfers.emplace(easy, std::move(transfer));
    }

    bool set_up(Transfer& transfer) const {
        auto* const easy = transfer.easy.get();
        bool good = true;
        const auto set = [&](CURLoption option, auto value) {
            good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
        };
        set(CURLOPT_URL, transfer.url.c_str());
        set(CURLOPT_USERAGENT, options.user_agent.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        set(CURLOPT_FOLLOWLOCATION, 1L);
        set(CURLOPT_MAXREDIRS, k_most_redirects);
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_limit.count()));
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.limit.count()));
        set(CURLOPT_ACCEPT_ENCODING, "");  // what libcurl can undo; the size is counted after
        set(CURLOPT_PIPEWAIT, 1L);         // HTTP/2: many on one connection
        set(CURLOPT_NOSIGNAL, 1L);
        // A name server that doesn't answer must not hold all others up.
        set(CURLOPT_QUICK_EXIT, 1L);
        set(CURLOPT_ERRORBUFFER, transfer.message.data());
        set(CURLOPT_WRITEFUNCTION, &Impl::take);
        set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
        return good;
    }

    // libcurl's callback: another number than that of the bytes ends the transfer.
    static std::size_t take(char* data, std::size_t, std::size_t bytes, void* to) noexcept {
        auto& transfer = *static_cast<Transfer*>(to);
        if (transfer.body.size() + bytes > transfer.largest) return 0;
        transfer.body.append(data, bytes);
        return bytes;
    }

    void end_finished() {
        int left = 0;
        while (const auto* message = curl_multi_info_read(multi.get(), &left)) {
            if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
        }
    }

    void end(CURL* easy, CURLcode code) {
        auto node = transfers.extract(easy);
        auto& transfer = *node.mapped();
        curl_multi_remove_handle(multi.get(), easy);
        transfer.done(result_of(transfer, code));
    }

    static Fetched result_of(Transfer& transfer, CURLcode code) {
        Fetched fetched;
        if (code == CURLE_OK) {
            long status = 0;
            curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
            fetched.status = static_cast<int>(status);
            fetched.body = std::move(transfer.body);
            return fetched;
        }
        fetched.fault =
            transfer.message[0] != '\0' ? transfer.message.data() : curl_easy_strerror(code);
        if (code == CURLE_WRITE_ERROR) fetched.fault = "its body is too large";
        fetched.alive = shows_life(code);
        return fetched;
    }

    FetchOptions options;
    std::unique_ptr<CURLM, MultiEnd> multi;
    std::map<CURL*, std::unique_ptr<Transfer>> transfers;  // on the thread
    std::mutex mutex;
    std::vector<std::unique_ptr<Transfer>> asked;
    bool stopping = false;
    std::thread thread;
};

Fetcher::Fetcher(FetchOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Fetcher::~Fetcher() {
    stop();
}

void Fetcher::fetch(std::string url, Done done) {
    auto transfer = std::make_unique<Impl::Transfer>();
    transfer->url = std::move(url);
    transfer->done = std::move(done);
    transfer->largest = impl_->options.largest;
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping) return;
        impl_->asked.push_back(std::move(transfer));
    }
    curl_multi_wakeup(impl_->multi.get());
}

void Fetcher::stop() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
        impl_->asked.clear();
    }
    curl_multi_wakeup(impl_->multi.get());
    if (impl_->thread.joinable()) impl_->thread.join();
}

}  // namespace narthex::service
