// The thread on which libcurl carries many transfers at once (its multi interface). Layer service's
// own.
#pragma once

#include <curl/curl.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace narthex::service {

// All of it is called on the loop's thread.
class CurlTransfer {
  public:
    virtual ~CurlTransfer() = default;
    // False: it can't begin, which ended() then says, too.
    virtual bool set_up(CURL* easy) = 0;
    // Once, when nothing more of it will be called.
    virtual void ended(CURLcode code) = 0;
    // Several times a second, for those that have time limits of their own. False: it has taken too
    // long and is broken off (CURLE_OPERATION_TIMEDOUT).
    virtual bool may_go_on() { return true; }
};

// The certificates in `ca_file` vouch for the server, and no others; empty: the system's do. False
// when libcurl can't.
[[nodiscard]] bool trust(CURL* easy, const std::string& ca_file);

class CurlLoop {
  public:
    CurlLoop();
    ~CurlLoop();  // stop()
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;

    // Any thread. Dropped once it stops.
    void post(std::function<void()> job);

    // On the loop's thread, but not within one of libcurl's callbacks.
    void begin(std::shared_ptr<CurlTransfer> transfer);
    // `easy`: what set_up() was given. Nothing when that has ended.
    void break_off(CURL* easy, CURLcode code);

    // Drops what is under way: nothing is called any more when it returns. Not on its thread.
    void stop();

  private:
    struct EasyEnd {
        void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    };
    struct MultiEnd {
        void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
    };
    struct Running {
        std::shared_ptr<CurlTransfer> transfer;  // what libcurl writes to, so it goes last
        std::unique_ptr<CURL, EasyEnd> easy;
    };

    void run();
    [[nodiscard]] bool run_jobs();
    void end_finished();
    void end_late();

    std::unique_ptr<CURLM, MultiEnd> multi_;
    std::map<CURL*, Running> running_;  // on the thread
    std::mutex mutex_;
    std::vector<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace narthex::service
