// Errors that a caller can cause are values: Result<T> holds a T or an Error.
// Infrastructure failures (database, disk, memory) are exceptions and never appear here.
// Error.message is for people: it names the thing and the way out, and holds no secret.
#pragma once

#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>

namespace narthex {

struct Error {
    std::string message;
};

// Called by Result::value() on an error: reaching it is a bug of the caller.
[[noreturn]] inline void throw_exception_from_error(
    const Error& error, const boost::source_location& /*where*/
) {
    throw std::logic_error("unchecked error: " + error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace narthex
