// Cuts a stream of narinfos, separated by one or more empty lines, into records.
// Bounded: a record over k_max_narinfo_bytes is reported as oversized and skipped to its end.
// Fed from one thread.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace narthex {

struct Record {
    std::string text;        // ends as the input ended: a missing final newline stays missing
    std::size_t first_line;  // counted from 1 in the whole stream
    bool oversized = false;  // text is empty then
};

class RecordSplitter {
  public:
    // `emit` is called once a record, in order, from within feed() and finish().
    explicit RecordSplitter(std::function<void(Record)> emit);

    void feed(std::string_view bytes);
    // The stream has ended: emits what is left.
    void finish();

  private:
    void append(std::string_view piece);  // of one line of the record
    void emit_record();                   // nothing where there is none

    std::function<void(Record)> emit_;
    std::string pending_;
    std::size_t line_ = 1;        // of the next byte
    std::size_t first_line_ = 1;  // of pending_
    bool at_line_start_ = true;
    bool oversized_ = false;
};

}  // namespace narthex
