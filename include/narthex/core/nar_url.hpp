// The URL field of a narinfo, as narthex keys NARs by it: a relative one is a path below nar/,
// percent-decoded and without its query, so that it is found however a client or a proxy spells it.
// Pure, any thread.
#pragma once

#include "narthex/core/hash.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace narthex {

// True for https://... and the like: its bytes are not ours to serve.
[[nodiscard]] bool names_another_server(std::string_view url);

// The path of a relative URL ("nar/x.nar.xz"), ASCII. Absent when it isn't below nar/, has other
// bytes, or isn't safe to join to a directory.
[[nodiscard]] std::optional<std::string> nar_path(std::string_view url);

// Such a path as it stands in a URL: what isn't unreserved (RFC 3986 2.3) nor '/', encoded.
[[nodiscard]] std::string nar_target(std::string_view path);

// The hash that the name of such a file is, before its first dot: how Nix names what it uploads
// (nar/FILEHASH.nar.xz). Absent for other names.
[[nodiscard]] std::optional<Sha256> hash_in_nar_path(std::string_view path);

}  // namespace narthex
