// Log lines on standard error: time=... level=... event=... key=value. Written by a thread of their
// own that drops the oldest lines rather than hold up whoever logs.
#pragma once

#include <string>

namespace narthex::app {

void start_logging(const std::string& level);
// Writes what is queued.
void stop_logging();

}  // namespace narthex::app
