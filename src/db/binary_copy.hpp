// The rows of a COPY in binary (PostgreSQL's manual, "COPY", "Binary Format"). Layer db's own.
#pragma once

#include "narthex/core/encoding.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace narthex::db {

class BinaryCopy {
  public:
    explicit BinaryCopy(int columns);

    // A row's columns follow, each by one of these.
    void row();
    void bytes(std::string_view bytes);
    void bytes(std::span<const unsigned char> bytes);
    void text_or_null(const std::optional<std::string>& text);
    void null();
    void int2(int number);
    void int4(int number);
    void int8(std::int64_t number);
    void int4_array(std::span<const int> numbers);

    // Ends the rows.
    [[nodiscard]] std::string take();

  private:
    void append(std::uint64_t number, int size);

    int columns_;
    std::string out_;
};

}  // namespace narthex::db
