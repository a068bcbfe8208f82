// The answer for a NAR. On the local disk: 200, 206, 304 or 416 by the request's Range, If-Range
// and If-None-Match; 404 when it has gone from all its places. Never a Content-Encoding: Nix
// resumes only without. Blocks on the disk.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex::http {

// `files`: its places, at least one, the one to prefer first.
[[nodiscard]] Answer nar_answer(const std::vector<std::string>& files, const Request& request);

// 302 for one that is only at `url`, on another server. Doesn't block. To GET and HEAD alike: Nix
// follows with the method it had, and Guix waits for ever for a body without Content-Length.
[[nodiscard]] Answer redirect_answer(std::string_view url);

}  // namespace narthex::http
