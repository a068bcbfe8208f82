// What clients are told about their uploads: one plain line, which Nix shows to its user. Any
// thread.
#pragma once

#include "narthex/core/content_coding.hpp"
#include "narthex/http/answer.hpp"
#include "narthex/service/publish.hpp"
#include "narthex/service/publishing.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace narthex::http {

[[nodiscard]] Answer uploads_disabled();                                   // 403
[[nodiscard]] Answer too_many_uploads();                                   // 503
[[nodiscard]] Answer not_yet_primary();                                    // 503
[[nodiscard]] Answer long_url(std::size_t most);                           // 400
[[nodiscard]] Answer no_length();                                          // 411
[[nodiscard]] Answer too_large_upload(std::uint64_t most);                 // 413
[[nodiscard]] Answer unknown_coding();                                     // 415
[[nodiscard]] Answer decode_fault(DecodeFault fault, std::uint64_t most);  // 400 or 413

// Logs it. 507 when there is no room, else 503.
[[nodiscard]] Answer disk_fault(const std::system_error& error);
// 409, 507 or 503. `reason`: see service::PublishTask.
[[nodiscard]] Answer publish_fault(service::PublishFault fault, const std::string& reason);
[[nodiscard]] Answer published_answer(const service::Published& published);

}  // namespace narthex::http
