// What an instance says of itself to everybody: its regions' primary asks for the epoch, and people
// for where they are. Nothing secret. Any thread.
#pragma once

#include "narthex/db/instance.hpp"
#include "narthex/http/answer.hpp"

namespace narthex::http {

// {"role": ..., "name": ..., "epoch": ..., "kind": ...}; nobody keeps it.
[[nodiscard]] Answer instance_answer(const db::Instance& instance);

}  // namespace narthex::http
