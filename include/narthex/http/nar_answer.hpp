// The answer for a NAR on the local disk: 200, 206, 304 or 416 by the request's Range, If-Range and
// If-None-Match; 404 when it has gone from all its places. Never a Content-Encoding: Nix resumes
// only without. Blocks on the disk.
#pragma once

#include "narthex/http/answer.hpp"
#include "narthex/http/request.hpp"

#include <string>
#include <vector>

namespace narthex::http {

// `files`: its places, at least one, the one to prefer first.
[[nodiscard]] Answer nar_answer(const std::vector<std::string>& files, const Request& request);

}  // namespace narthex::http
