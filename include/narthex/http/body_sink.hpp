// Where the body of a request goes that is too large for memory, piece by piece. The session hands
// it the next piece when the last is taken, and doesn't read on meanwhile.
#pragma once

#include "narthex/http/answer.hpp"

#include <functional>
#include <optional>
#include <string>

namespace narthex::http {

class BodySink {
  public:
    // Absent: go on. An answer: no more is wanted.
    using Taken = std::function<void(std::optional<Answer>)>;
    using Done = std::function<void(Answer)>;

    virtual ~BodySink() = default;

    // Each calls back once, on some other thread, but for ask(), which may do so before it returns.
    // One call at a time; nothing after an answer but end(), which gives it again, and nothing
    // after end().

    // Whether a body is wanted, for clients that wait to be told so.
    virtual void ask(Taken taken) { taken(std::nullopt); }
    virtual void write(std::string piece, Taken taken) = 0;
    // The body has come as a whole.
    virtual void end(Done done) = 0;
};

}  // namespace narthex::http
