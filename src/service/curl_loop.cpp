#include "curl_loop.hpp"

#include <chrono>
#include <stdexcept>

namespace narthex::service {

namespace {

constexpr int k_longest_poll_ms = 60'000;
// While there are transfers: how late a time limit of theirs may be noticed.
constexpr int k_tick_ms = 200;

void start_curl() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

bool trust(CURL* easy, const std::string& ca_file) {
    if (ca_file.empty()) return true;
    // Else libcurl remembers for a day what was in it.
    return curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str()) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr) == CURLE_OK;
}

CurlLoop::CurlLoop() {
    start_curl();
    multi_.reset(curl_multi_init());
    if (!multi_) throw std::runtime_error("libcurl can't be started");
    thread_ = std::thread([this] { run(); });
}

CurlLoop::~CurlLoop() {
    stop();
}

void CurlLoop::post(std::function<void()> job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        jobs_.push_back(std::move(job));
    }
    curl_multi_wakeup(multi_.get());
}

void CurlLoop::stop() {
    std::vector<std::function<void()>> dropped;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        dropped.swap(jobs_);
    }
    curl_multi_wakeup(multi_.get());
    if (thread_.joinable()) thread_.join();
}

void CurlLoop::run() {
    while (run_jobs()) {
        int running = 0;
        curl_multi_perform(multi_.get(), &running);
        end_finished();
        end_late();
        const int wait = running_.empty() ? k_longest_poll_ms : k_tick_ms;
        curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr);
    }
    for (auto& [easy, running] : running_) curl_multi_remove_handle(multi_.get(), easy);
    running_.clear();
}

// False when stopping.
bool CurlLoop::run_jobs() {
    std::vector<std::function<void()>> jobs;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return false;
        jobs.swap(jobs_);
    }
    for (const auto& job : jobs) job();
    return true;
}

void CurlLoop::begin(std::shared_ptr<CurlTransfer> transfer) {
    Running fresh{transfer, std::unique_ptr<CURL, EasyEnd>(curl_easy_init())};
    auto* const easy = fresh.easy.get();
    if (easy == nullptr || !transfer->set_up(easy)) return transfer->ended(CURLE_FAILED_INIT);
    if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) {
        return transfer->ended(CURLE_FAILED_INIT);
    }
    running_.emplace(easy, std::move(fresh));
}

void CurlLoop::break_off(CURL* easy, CURLcode code) {
    const auto node = running_.extract(easy);
    if (node.empty()) return;
    curl_multi_remove_handle(multi_.get(), easy);
    node.mapped().transfer->ended(code);
}

void CurlLoop::end_finished() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_.get(), &left)) {
        if (message->msg == CURLMSG_DONE) break_off(message->easy_handle, message->data.result);
    }
}

void CurlLoop::end_late() {
    std::vector<CURL*> late;
    for (const auto& [easy, running] : running_) {
        if (!running.transfer->may_go_on()) late.push_back(easy);
    }
    for (auto* easy : late) break_off(easy, CURLE_OPERATION_TIMEDOUT);
}

}  // namespace narthex::service
