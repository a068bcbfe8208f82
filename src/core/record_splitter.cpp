#include "narthex/core/record_splitter.hpp"

#include "narthex/core/narinfo.hpp"

#include <utility>

namespace narthex {

RecordSplitter::RecordSplitter(std::function<void(Record)> emit) : emit_(std::move(emit)) {}

void RecordSplitter::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t newline = bytes.find('\n');
        const bool has_newline = newline != bytes.npos;
        const std::string_view piece = bytes.substr(0, has_newline ? newline + 1 : bytes.size());
        if (at_line_start_ && newline == 0) {
            emit_record();
        } else {
            append(piece);
        }
        at_line_start_ = has_newline;
        if (has_newline) ++line_;
        bytes.remove_prefix(piece.size());
    }
}

void RecordSplitter::append(std::string_view piece) {
    if (oversized_) return;
    if (pending_.empty()) first_line_ = line_;
    if (pending_.size() + piece.size() > k_max_narinfo_bytes) {
        oversized_ = true;
        pending_ = std::string();
    } else {
        pending_.append(piece);
    }
}

void RecordSplitter::emit_record() {
    if (pending_.empty() && !oversized_) return;
    Record record{std::exchange(pending_, {}), first_line_, std::exchange(oversized_, false)};
    emit_(std::move(record));
}

void RecordSplitter::finish() {
    emit_record();
}

}  // namespace narthex
