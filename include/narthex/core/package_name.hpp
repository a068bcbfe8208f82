// The name of a package without its version. Pure, any thread.
#pragma once

#include <string_view>

namespace narthex {

// "hello" of "hello-2.12.1": all before the first '-' that no letter follows, as parseDrvName in
// NixOS/nix libstore/names.cc has it. A part of `name`.
[[nodiscard]] std::string_view package_name(std::string_view name);

}  // namespace narthex
