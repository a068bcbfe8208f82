#include "binary_copy.hpp"

#include <utility>

namespace narthex::db {

namespace {
constexpr std::string_view k_signature("PGCOPY\n\377\r\n\0", 11);
constexpr int k_int4_type = 23;
constexpr std::uint32_t k_minus_one = 0xffffffff;  // the length of a null
}  // namespace

BinaryCopy::BinaryCopy(int columns) : columns_(columns), out_(k_signature) {
    append(0, 4);  // flags
    append(0, 4);  // no header extension
}

void BinaryCopy::append(std::uint64_t number, int size) {
    char big_endian[8];
    for (int i = 0; i < size; ++i) big_endian[i] = static_cast<char>(number >> 8 * (size - 1 - i));
    out_.append(big_endian, static_cast<std::size_t>(size));
}

void BinaryCopy::row() {
    append(static_cast<std::uint64_t>(columns_), 2);
}

void BinaryCopy::bytes(std::string_view bytes) {
    append(bytes.size(), 4);
    out_ += bytes;
}

void BinaryCopy::bytes(std::span<const unsigned char> bytes) {
    this->bytes(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void BinaryCopy::text_or_null(const std::optional<std::string>& text) {
    if (text) {
        bytes(*text);
    } else {
        null();
    }
}

void BinaryCopy::null() {
    append(k_minus_one, 4);
}

void BinaryCopy::int2(int number) {
    append(2, 4);
    append(static_cast<std::uint64_t>(number), 2);
}

void BinaryCopy::int4(int number) {
    append(4, 4);
    append(static_cast<std::uint64_t>(number), 4);
}

void BinaryCopy::int8(std::int64_t number) {
    append(8, 4);
    append(static_cast<std::uint64_t>(number), 8);
}

// An array as array_recv reads it (src/backend/utils/adt/arrayfuncs.c).
void BinaryCopy::int4_array(std::span<const int> numbers) {
    const std::size_t head = numbers.empty() ? 12 : 20;
    append(head + numbers.size() * 8, 4);
    append(numbers.empty() ? 0 : 1, 4);  // dimensions
    append(0, 4);                        // no nulls
    append(k_int4_type, 4);
    if (numbers.empty()) return;
    append(numbers.size(), 4);
    append(1, 4);  // the first index
    for (const int number : numbers) int4(number);
}

std::string BinaryCopy::take() {
    append(0xffff, 2);
    return std::move(out_);
}

}  // namespace narthex::db
