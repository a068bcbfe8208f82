#include "narthex/http/request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <cstring>

namespace narthex::http {

namespace beast_http = boost::beast::http;

namespace {

struct Field {
    beast_http::field name;
    std::string_view Request::*value;
};
constexpr Field k_fields[] = {
    {beast_http::field::host, &Request::host},
    {beast_http::field::user_agent, &Request::user_agent},
    {beast_http::field::range, &Request::range},
    {beast_http::field::if_range, &Request::if_range},
    {beast_http::field::if_none_match, &Request::if_none_match},
    {beast_http::field::authorization, &Request::authorization},
    {beast_http::field::content_type, &Request::content_type},
    {beast_http::field::content_encoding, &Request::content_encoding},
    {beast_http::field::accept, &Request::accept},
};

// Beast has no name for it.
constexpr boost::beast::string_view k_relayed_by = "Narthex-Instance";

std::string_view to_std(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

Method to_method(beast_http::verb method, std::string_view name) {
    if (method == beast_http::verb::get) return Method::get;
    if (method == beast_http::verb::head) return Method::head;
    if (method == beast_http::verb::post) return Method::post;
    if (method == beast_http::verb::put) return Method::put;
    if (method == beast_http::verb::delete_) return Method::del;
    return name == "QUERY" ? Method::query : Method::other;
}

BadRequest to_bad_request(const boost::beast::error_code& error) {
    const bool too_large = error == beast_http::error::header_limit;
    return too_large ? BadRequest::too_large : BadRequest::malformed;
}

std::size_t size_of_views(const Request& request) {
    std::size_t size = request.target.size();
    for (const auto& field : k_fields) size += (request.*field.value).size();
    return size + request.relayed_by.size();
}

// One head, all of whose bytes are there.
class Head : public beast_http::basic_parser<true> {
  public:
    explicit Head(std::string_view bytes) : bytes_(bytes) {}
    Request request;

  private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;
    using verb = beast_http::verb;
    using field = beast_http::field;

    void on_request_impl(
        verb method, string_view name, string_view target, int version, error_code& error
    ) override;
    void on_field_impl(field name, string_view name_text, string_view value, error_code& error)
        override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view body, error_code&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
        return body.size();
    }
    void on_finish_impl(error_code&) override {}

    std::string_view bytes_;
};

void Head::on_request_impl(
    verb method, string_view name, string_view target, int version, error_code& /*error*/
) {
    request.method = to_method(method, to_std(name));
    request.target = to_std(target);
    request.version = version;
}

void Head::on_field_impl(field name, string_view name_text, string_view value, error_code& error) {
    const auto text = to_std(value);
    // A value folded over lines was put together elsewhere; RFC 9112 5.2: refuse it.
    const bool folded = !text.empty() && (text.data() < bytes_.data() ||
                                          text.data() >= bytes_.data() + bytes_.size());
    if (folded) {
        error = beast_http::error::bad_value;
        return;
    }
    for (const auto& known : k_fields) {
        if (name == known.name) request.*known.value = text;
    }
    if (name == field::unknown && boost::beast::iequals(name_text, k_relayed_by)) {
        request.relayed_by = text;
    }
    if (name == field::host) ++request.host_fields;
    if (name == field::expect) request.expects_100 = boost::beast::iequals(value, "100-continue");
}

// RFC 9112 2.2: empty lines before a request are ignored.
std::size_t empty_lines(std::string_view bytes) {
    std::size_t size = 0;
    while (bytes.substr(size).starts_with("\r\n")) size += 2;
    return size;
}

}  // namespace

KeptRequest::KeptRequest(const Request& request)
    : size_(size_of_views(request)), bytes_(new char[size_]), request_(request) {
    auto* end = bytes_.get();
    const auto keep = [&end](std::string_view& view) {
        if (!view.empty()) std::memcpy(end, view.data(), view.size());
        view = {end, view.size()};
        end += view.size();
    };
    keep(request_.target);
    for (const auto& field : k_fields) keep(request_.*field.value);
    keep(request_.relayed_by);
}

ParsedRequest parse_request(std::string_view bytes, std::size_t limit) {
    ParsedRequest parsed{empty_lines(bytes), std::nullopt, std::nullopt};
    const auto rest = bytes.substr(parsed.consumed);
    // Beast would keep views of a part of a head. Without a whole one, it only says what is wrong.
    const auto end = rest.find("\r\n\r\n");
    Head head(end == std::string_view::npos ? rest : rest.substr(0, end + 4));
    head.header_limit(static_cast<std::uint32_t>(limit));
    head.eager(false);
    head.body_limit(boost::none);  // not the parser's business
    std::size_t used = 0;
    while (!head.is_header_done()) {
        boost::beast::error_code error;
        const auto left = rest.substr(used, end == std::string_view::npos ? end : end + 4 - used);
        used += head.put(boost::asio::buffer(left.data(), left.size()), error);
        if (error == beast_http::error::need_more) {
            // Beast looks at its limit only when a head is whole.
            if (rest.size() > limit) parsed.error = BadRequest::too_large;
            return parsed;
        }
        if (error) {
            parsed.error = to_bad_request(error);
            return parsed;
        }
    }
    parsed.consumed += used;
    parsed.request = head.request;
    parsed.request->keep_alive = head.keep_alive();
    parsed.request->has_body = !head.is_done();
    if (const auto length = head.content_length()) parsed.request->content_length = *length;
    return parsed;
}

}  // namespace narthex::http
