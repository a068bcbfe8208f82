#include "graph_rows.hpp"

#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace narthex::db {

namespace {

// Signature, flags, and the length of an extension that nobody has.
constexpr std::size_t k_header = 19;
constexpr std::size_t k_count = 2;
constexpr std::size_t k_length = 4;
constexpr std::size_t k_id_field = k_length + 4;
// Dimensions, nulls, type, size, first index.
constexpr std::size_t k_array_head = 20;
constexpr std::size_t k_element = k_length + 4;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data() + at, sizeof number);
    return __builtin_bswap32(number);
}

}  // namespace

void decode_ids(std::string_view array, std::vector<int>& out) {
    out.clear();
    if (array.size() < 12) throw std::logic_error("a column is no int4[]");
    if (number_at(array, 0) == 0) return;
    const std::size_t size = array.size() < k_array_head ? 0 : number_at(array, 12);
    if (array.size() != k_array_head + size * k_element) {
        throw std::logic_error("a column is no int4[] without nulls");
    }
    out.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = static_cast<int>(number_at(array, k_array_head + i * k_element + k_length));
    }
}

void GraphRows::feed(std::string_view piece) {
    if (!rest_.empty()) {
        rest_ += piece;
        piece = rest_;
    }
    const auto taken = take(piece);
    if (!rest_.empty()) {
        rest_.erase(0, taken);
    } else if (taken < piece.size()) {
        rest_ = piece.substr(taken);
    }
}

std::size_t GraphRows::take(std::string_view bytes) {
    std::size_t at = 0;
    if (!begun_) {
        if (bytes.size() < k_header) return 0;
        begun_ = true;
        at = k_header;
    }
    while (const auto row = take_row(bytes.substr(at))) at += row;
    return at;
}

// The row's size; 0 when its end hasn't come. Behind the last row are two bytes: no row is that
// short.
std::size_t GraphRows::take_row(std::string_view bytes) {
    constexpr auto k_fixed = k_count + k_id_field + k_length;
    if (bytes.size() < k_fixed) return 0;
    const auto size = k_fixed + number_at(bytes, k_count + k_id_field);
    if (bytes.size() < size) return 0;
    const auto id = static_cast<int>(number_at(bytes, k_count + k_length));
    if (wanted_(id)) {
        decode_ids(bytes.substr(k_fixed, size - k_fixed), references_);
        row_(id, references_);
    }
    return size;
}

}  // namespace narthex::db
