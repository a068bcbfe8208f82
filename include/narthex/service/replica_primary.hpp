// A primary as a region meets it when it joins: found by a URI, judged before anything is changed.
#pragma once

#include "narthex/core/error.hpp"
#include "narthex/db/primary.hpp"

#include <string>

namespace narthex::service {

// Asks whoever is at `uri`, which has passed db::check_uri. The error is one line that says what is
// wrong and what to do: nobody is there, the password isn't good, it is no primary, it is too old
// or too new.
[[nodiscard]] Result<db::Primary> find_primary(const std::string& uri);

// Whether region `name`, which is instance `id`, may be a copy of it.
[[nodiscard]] Result<void> check_invited(
    const db::Primary& primary, const std::string& name, const std::string& id
);

}  // namespace narthex::service
