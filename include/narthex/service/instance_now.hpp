// For those who need to know which instance of narthex this is, and not how that is found out.
#pragma once

#include "narthex/db/instance.hpp"

#include <functional>
#include <memory>

namespace narthex::service {

// Which instance this is, now. Never null; any thread.
using InstanceNow = std::function<std::shared_ptr<const db::Instance>()>;

}  // namespace narthex::service
