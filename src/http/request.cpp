#include "narthex/http/request.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace narthex::http {

namespace beast_http = boost::beast::http;

namespace {

std::string_view to_std(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

Method to_method(beast_http::verb method) {
    if (method == beast_http::verb::get) return Method::get;
    return method == beast_http::verb::head ? Method::head : Method::other;
}

BadRequest to_bad_request(const boost::beast::error_code& error) {
    const bool too_large = error == beast_http::error::header_limit;
    return too_large ? BadRequest::too_large : BadRequest::malformed;
}

}  // namespace

void RequestParser::Head::on_request_impl(
    verb method, string_view /*name*/, string_view target, int version, error_code& /*error*/
) {
    request.method = to_method(method);
    request.target = to_std(target);
    request.version = version;
}

void RequestParser::Head::on_field_impl(
    field name, string_view /*name_text*/, string_view value, error_code& /*error*/
) {
    // The default is right: every other field means nothing to narthex.
    if (name == field::host) {
        ++request.host_fields;
        request.host = to_std(value);
    }
    if (name == field::user_agent) request.user_agent = to_std(value);
    if (name == field::range) request.range = to_std(value);
    if (name == field::if_range) request.if_range = to_std(value);
    if (name == field::if_none_match) request.if_none_match = to_std(value);
}

RequestParser::Progress RequestParser::parse(std::string_view bytes) {
    if (!head_) {
        head_.emplace();
        head_->header_limit(static_cast<std::uint32_t>(header_limit_));
        head_->eager(false);
    }
    Progress progress{0, std::nullopt, std::nullopt};
    while (!head_->is_header_done()) {
        boost::beast::error_code error;
        const auto left = bytes.substr(progress.consumed);
        progress.consumed += head_->put(boost::asio::buffer(left.data(), left.size()), error);
        if (error == beast_http::error::need_more) {
            // Beast looks at its limit only when a head is whole.
            if (left.size() > header_limit_) progress.error = BadRequest::too_large;
            return progress;
        }
        if (error) {
            progress.error = to_bad_request(error);
            return progress;
        }
    }
    auto& request = head_->request;
    request.keep_alive = head_->keep_alive();
    request.has_body = !head_->is_done();
    progress.request = std::move(request);
    head_.reset();
    return progress;
}

}  // namespace narthex::http
