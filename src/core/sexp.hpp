// S-expressions as libgcrypt writes them (SEXP in its manual), for Guix's keys and signatures:
// lists of atoms; an atom is a token, #hex#, "text" without escapes, or canonical LENGTH:bytes.
// Anybody may send one: the reader is ours, so that its limits are, and libgcrypt is handed values
// only. Display hints, escapes and |base64| are refused; neither libgcrypt nor Guix writes them.
// Internal to core; pure, any thread.
#pragma once

#include "narthex/core/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace narthex {

struct Sexp {
    bool is_list = false;
    std::string atom;        // its bytes; of a list, empty
    std::vector<Sexp> list;  // of an atom, empty

    // All of `text` but white space around it is one list, nested at most eight deep.
    [[nodiscard]] static Result<Sexp> parse(std::string_view text);

    // True for a list that begins with this atom.
    [[nodiscard]] bool is(std::string_view name) const;
    // The one element of a list that is a list beginning with `name`; null when there is none, or
    // more than one.
    [[nodiscard]] const Sexp* find(std::string_view name) const;
    // The value of an element (name VALUE); null when it isn't there just once and of that form.
    [[nodiscard]] const std::string* value(std::string_view name) const;
};

}  // namespace narthex
