// What Nix publishes beside narinfos: listings, build logs, debug info, realisations and build
// traces (libstore/{binary-cache-store,realisation}.cc in NixOS/nix). Pure, any thread.
#pragma once

#include "narthex/core/store_path.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace narthex {

enum class CompanionKind { listing, log, debuginfo, realisation, build_trace };

struct CompanionPath {
    CompanionKind kind;
    std::string path;                // decoded, ASCII: how it is kept and found
    std::optional<HashPart> output;  // the path it belongs to, where its name says so
};

// What `encoded`, the path of a request without its leading slash, names:
//   HASH.ls   log/HASH-NAME   debuginfo/HEX or debuginfo/HEX.debug
//   realisations/sha256:HEX!OUTPUT.doi   build-trace-vN/HASH-NAME.drv/OUTPUT.doi
// '!' and the like may be percent-encoded (Nix 2.34 does, 2.26 doesn't); N is any number, since Nix
// says that it will grow. Absent for everything else.
[[nodiscard]] std::optional<CompanionPath> parse_companion_path(std::string_view encoded);

// "listing", "build-trace", ...: as the database has it.
[[nodiscard]] std::string_view to_string(CompanionKind kind);

// The Content-Type in which it is served.
[[nodiscard]] std::string_view content_type_of(CompanionKind kind);

}  // namespace narthex
