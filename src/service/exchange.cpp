#include "narthex/service/exchange.hpp"

#include "curl_loop.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

namespace narthex::service {

namespace {

using Clock = std::chrono::steady_clock;

// Of an answer's body that nobody has taken yet; then the server waits.
constexpr std::size_t k_read_ahead = 256 * 1024;
// libcurl's: of each transfer.
constexpr long k_receive_buffer = 64 * 1024;
// Of an answer's body: fewer bytes in the time limit are as good as none.
constexpr std::uint64_t k_least_bytes = 16 * 1024;

struct ListEnd {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListEnd>;

bool append(List& list, const std::string& line) {
    auto* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return false;
    static_cast<void>(list.release());
    list.reset(longer);
    return true;
}

// libcurl sends some fields unless it is told not to.
std::vector<std::string> all_fields(const ExchangeRequest& request) {
    auto fields = request.fields;
    for (const std::string_view own : {"accept", "content-type"}) {
        const auto is_own = [own](const std::string& field) {
            return field.find(':') == own.size() &&
                   curl_strnequal(field.data(), own.data(), own.size()) != 0;
        };
        if (std::ranges::none_of(fields, is_own)) fields.push_back(std::string(own) + ':');
    }
    fields.emplace_back(request.asks_first ? "Expect: 100-continue" : "Expect:");
    return fields;
}

}  // namespace

struct Exchanges::Impl {
    explicit Impl(std::string certificates) : ca_file(std::move(certificates)) {}

    const std::string ca_file;
    std::atomic<std::size_t> count = 0;
    CurlLoop loop;
};

// All of it on the loop's thread.
struct Exchange::Transfer : CurlTransfer, std::enable_shared_from_this<Transfer> {
    Transfer(
        std::shared_ptr<Exchanges::Impl> of,
        const ExchangeLimits& its_limits,
        ExchangeRequest its_request,
        Begun to_call
    )
        : owner(std::move(of)),
          limits(its_limits),
          request(std::move(its_request)),
          begun(std::move(to_call)) {}
    ~Transfer() override { --owner->count; }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    bool set_up(CURL* handle) override;
    void ended(CURLcode code) override;
    bool may_go_on() override;

    void write(std::string bytes, std::function<void()> call);
    void next(Take call);
    void cancel();
    void go_on();

    std::size_t send(char* to, std::size_t room);
    void take_line(std::string_view line);
    void end_head();
    std::size_t receive(std::string_view bytes);
    [[nodiscard]] bool is_short() const;
    void progressed();
    void call_taken();
    void deliver();
    [[nodiscard]] std::shared_ptr<Exchange> handle();

    // libcurl's callbacks.
    static std::size_t on_send(char* to, std::size_t, std::size_t room, void* self) noexcept {
        return static_cast<Transfer*>(self)->send(to, room);
    }
    static std::size_t on_line(char* data, std::size_t, std::size_t bytes, void* self) noexcept {
        static_cast<Transfer*>(self)->take_line({data, bytes});
        return bytes;
    }
    static std::size_t on_body(char* data, std::size_t, std::size_t bytes, void* self) noexcept {
        return static_cast<Transfer*>(self)->receive({data, bytes});
    }

    std::shared_ptr<Exchanges::Impl> owner;
    ExchangeLimits limits;
    ExchangeRequest request;
    Begun begun;  // empty once it has been called
    CURL* easy = nullptr;
    List fields;
    std::array<char, CURL_ERROR_SIZE> message{};

    std::string piece;  // of the request's body
    std::size_t piece_sent = 0;
    std::uint64_t sent = 0;
    std::function<void()> taken;
    bool send_paused = false;

    ExchangeHead head;
    bool has_head = false;
    std::optional<std::uint64_t> length;  // as its head says
    std::uint64_t received = 0;           // of its body
    std::string body;                     // not taken yet
    Take take;
    bool receive_paused = false;
    Clock::time_point progress_at = Clock::now();
    std::uint64_t received_then = 0;
    bool has_ended = false;
    bool cut_off = false;
};

bool Exchange::Transfer::set_up(CURL* handle) {
    easy = handle;
    bool good = true;
    for (const auto& field : all_fields(request)) good = good && append(fields, field);
    const auto set = [&](CURLoption option, auto value) {
        good = good && curl_easy_setopt(easy, option, value) == CURLE_OK;
    };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PATH_AS_IS, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_HTTPHEADER, fields.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a name server that doesn't answer holds up nobody
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
    // Well before others close one that is idle: a request that meets that is lost.
    set(CURLOPT_MAXAGE_CONN, 30L);
    set(CURLOPT_BUFFERSIZE, k_receive_buffer);
    set(CURLOPT_ERRORBUFFER, message.data());
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_line);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    if (request.body_bytes) {
        set(CURLOPT_UPLOAD, 1L);
        set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*request.body_bytes));
        set(CURLOPT_READFUNCTION, &Transfer::on_send);
        set(CURLOPT_READDATA, static_cast<void*>(this));
    }
    if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
    if (request.method != "HEAD") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    return good && trust(easy, owner->ca_file);
}

// --- the request's body ---

void Exchange::Transfer::write(std::string bytes, std::function<void()> call) {
    progressed();
    piece = std::move(bytes);
    piece_sent = 0;
    taken = std::move(call);
    const bool refused = has_head && head.refuses();
    if (has_ended || refused) return call_taken();
    // Where libcurl waits for bytes, the server wants them.
    if (piece.empty() && send_paused) return call_taken();
    if (send_paused && !piece.empty()) go_on();
}

std::size_t Exchange::Transfer::send(char* to, std::size_t room) {
    progressed();
    // Paused here, a refusal whose body is yet to come would never end.
    if (has_head && head.refuses()) return 0;
    if (piece.empty()) call_taken();
    if (sent == *request.body_bytes) return 0;
    const auto size = std::min(room, piece.size() - piece_sent);
    if (size == 0) {
        send_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    std::memcpy(to, piece.data() + piece_sent, size);
    piece_sent += size;
    sent += size;
    if (piece_sent == piece.size()) {
        piece.clear();
        piece_sent = 0;
        call_taken();
    }
    return size;
}

void Exchange::Transfer::call_taken() {
    if (const auto call = std::exchange(taken, nullptr)) call();
}

// What was paused in either direction and needn't be any more.
void Exchange::Transfer::go_on() {
    if (has_ended || (!send_paused && !receive_paused)) return;
    progressed();
    send_paused = receive_paused = false;
    curl_easy_pause(easy, CURLPAUSE_CONT);  // calls back what had to wait
}

// --- the answer ---

// All of a head has to come in the time of one step.
void Exchange::Transfer::take_line(std::string_view line) {
    if (has_head) return;  // a trailer
    if (line.starts_with("HTTP/")) {
        head = {};
        return;
    }
    if (line.find_first_of("\r\n") == 0) return end_head();
    head.add(line);
}

void Exchange::Transfer::end_head() {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    head.status = static_cast<int>(status);
    if (head.status < 200) return;
    progressed();
    has_head = true;
    length = head.length();
    if (const auto call = std::exchange(begun, nullptr)) call(handle(), head);
    if (!head.refuses()) return;
    call_taken();
    // libcurl doesn't end a transfer whose sending is paused; this is one of its callbacks.
    if (send_paused) owner->loop.post([self = shared_from_this()] { self->go_on(); });
}

// What libcurl wants to hear: how many were taken; that there is no room now; 0, to end it.
std::size_t Exchange::Transfer::receive(std::string_view bytes) {
    if (body.size() >= k_read_ahead) {
        receive_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    received += bytes.size();
    if (length && received > *length) return 0;
    if (received - received_then >= k_least_bytes) progressed();
    body += bytes;
    deliver();
    return bytes.size();
}

// libcurl counts for itself, but not where it doesn't understand the length.
bool Exchange::Transfer::is_short() const {
    const bool has_body = request.method != "HEAD" && head.status != 204 && head.status != 304;
    return has_body && length && received < *length;
}

void Exchange::Transfer::progressed() {
    progress_at = Clock::now();
    received_then = received;
}

void Exchange::Transfer::deliver() {
    if (!take || (body.empty() && !has_ended)) return;
    const auto call = std::exchange(take, nullptr);
    if (body.empty() && cut_off) return call(std::nullopt);
    call(std::exchange(body, {}));
}

void Exchange::Transfer::next(Take call) {
    take = std::move(call);
    deliver();
    if (receive_paused) go_on();
}

void Exchange::Transfer::ended(CURLcode code) {
    has_ended = true;
    cut_off = code != CURLE_OK || is_short();
    easy = nullptr;
    if (const auto call = std::exchange(begun, nullptr)) {
        const bool slow = code == CURLE_OPERATION_TIMEDOUT;
        std::string reason = message[0] != '\0' ? message.data() : curl_easy_strerror(code);
        if (code == CURLE_OK) reason = "it answered without a head";
        call(handle(), ExchangeFault{slow, std::move(reason)});
    }
    call_taken();
    deliver();
}

std::shared_ptr<Exchange> Exchange::Transfer::handle() {
    return std::shared_ptr<Exchange>(new Exchange(shared_from_this()));
}

void Exchange::Transfer::cancel() {
    begun = nullptr;
    taken = nullptr;
    take = nullptr;
    if (!has_ended && easy != nullptr) owner->loop.break_off(easy, CURLE_ABORTED_BY_CALLBACK);
}

bool Exchange::Transfer::may_go_on() {
    const bool waits_for_us = receive_paused || (send_paused && !has_head);
    return waits_for_us || Clock::now() - progress_at < limits.idle;
}

// --- any thread ---

void Exchange::write(std::string piece, std::function<void()> taken) {
    auto job = [transfer = transfer_, piece = std::move(piece), taken = std::move(taken)](
               ) mutable { transfer->write(std::move(piece), std::move(taken)); };
    transfer_->owner->loop.post(std::move(job));
}

void Exchange::next(Take take) {
    auto job = [transfer = transfer_, take = std::move(take)]() mutable {
        transfer->next(std::move(take));
    };
    transfer_->owner->loop.post(std::move(job));
}

void Exchange::cancel() {
    transfer_->owner->loop.post([transfer = transfer_] { transfer->cancel(); });
}

Exchanges::Exchanges(ExchangeLimits limits, std::string ca_file)
    : limits_(limits), impl_(std::make_shared<Impl>(std::move(ca_file))) {}

Exchanges::~Exchanges() {
    stop();
}

std::shared_ptr<Exchange> Exchanges::start(ExchangeRequest request, Exchange::Begun begun) {
    if (++impl_->count > limits_.most) {
        --impl_->count;
        return nullptr;
    }
    auto transfer =
        std::make_shared<Exchange::Transfer>(impl_, limits_, std::move(request), std::move(begun));
    impl_->loop.post([transfer] { transfer->owner->loop.begin(transfer); });
    return std::shared_ptr<Exchange>(new Exchange(std::move(transfer)));
}

void Exchanges::stop() {
    impl_->loop.stop();
}

}  // namespace narthex::service
