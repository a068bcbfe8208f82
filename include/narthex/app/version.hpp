#pragma once

namespace narthex::app {

inline constexpr const char* k_version = NARTHEX_VERSION;

}  // namespace narthex::app
