#include "narthex/service/fetcher.hpp"

#include "curl_loop.hpp"

#include <array>

namespace narthex::service {

namespace {

constexpr long k_most_redirects = 5;

// Such a server isn't away: another document may be fine.
bool shows_life(CURLcode code) {
    switch (static_cast<int>(code)) {
        case CURLE_FAILED_INIT:  // ours
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
    explicit Impl(FetchOptions given) : options(std::move(given)) {}

    FetchOptions options;
    CurlLoop loop;
};

namespace {

class Fetch : public CurlTransfer {
  public:
    Fetch(const FetchOptions& options, std::string url, Fetcher::Done done)
        : options_(options), url_(std::move(url)), done_(std::move(done)) {}

    bool set_up(CURL* easy) override {
        easy_ = easy;
        bool good = true;
        const auto set = [&](CURLoption option, auto value) {
            good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
        };
        set(CURLOPT_URL, url_.c_str());
        set(CURLOPT_USERAGENT, options_.user_agent.c_str());
        set(CURLOPT_PROTOCOLS_STR, "http,https");
        set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        set(CURLOPT_FOLLOWLOCATION, 1L);
        set(CURLOPT_MAXREDIRS, k_most_redirects);
        set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_limit.count()));
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.limit.count()));
        set(CURLOPT_ACCEPT_ENCODING, "");  // what libcurl can undo; the size is counted after
        set(CURLOPT_PIPEWAIT, 1L);         // HTTP/2: many on one connection
        set(CURLOPT_NOSIGNAL, 1L);
        // A name server that doesn't answer must not hold all others up.
        set(CURLOPT_QUICK_EXIT, 1L);
        set(CURLOPT_ERRORBUFFER, message_.data());
        set(CURLOPT_WRITEFUNCTION, &Fetch::take);
        set(CURLOPT_WRITEDATA, static_cast<void*>(this));
        return good && trust(easy, options_.ca_file);
    }

    void ended(CURLcode code) override { done_(result(code)); }

  private:
    // libcurl's callback: another number than that of the bytes ends the transfer.
    static std::size_t take(char* data, std::size_t, std::size_t bytes, void* to) noexcept {
        auto& fetch = *static_cast<Fetch*>(to);
        if (fetch.body_.size() + bytes > fetch.options_.largest) return 0;
        fetch.body_.append(data, bytes);
        return bytes;
    }

    Fetched result(CURLcode code) {
        Fetched fetched;
        if (code == CURLE_OK) {
            long status = 0;
            curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
            fetched.status = static_cast<int>(status);
            fetched.body = std::move(body_);
            return fetched;
        }
        fetched.fault = message_[0] != '\0' ? message_.data() : curl_easy_strerror(code);
        if (code == CURLE_WRITE_ERROR) fetched.fault = "its body is too large";
        fetched.alive = shows_life(code);
        return fetched;
    }

    const FetchOptions& options_;
    std::string url_;
    Fetcher::Done done_;
    CURL* easy_ = nullptr;
    std::string body_;
    std::array<char, CURL_ERROR_SIZE> message_{};
};

}  // namespace

Fetcher::Fetcher(FetchOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Fetcher::~Fetcher() = default;

void Fetcher::fetch(std::string url, Done done) {
    auto fetch = std::make_shared<Fetch>(impl_->options, std::move(url), std::move(done));
    impl_->loop.post([this, fetch = std::move(fetch)] { impl_->loop.begin(fetch); });
}

void Fetcher::stop() {
    impl_->loop.stop();
}

}  // namespace narthex::service
