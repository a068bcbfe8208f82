// rapidcheck generators of valid core values.
#pragma once

#include "narthex/core/narinfo.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace narthex::test {

template <std::size_t N>
rc::Gen<std::array<unsigned char, N>> any_bytes() {
    const auto bytes =
        rc::gen::container<std::vector<unsigned char>>(N, rc::gen::arbitrary<unsigned char>());
    return rc::gen::map(bytes, [](const std::vector<unsigned char>& from) {
        std::array<unsigned char, N> to{};
        std::copy(from.begin(), from.end(), to.begin());
        return to;
    });
}

inline rc::Gen<Sha256> any_hash() {
    return rc::gen::map(any_bytes<32>(), [](const auto& bytes) { return Sha256(bytes); });
}

// Begins with a letter, so that it is never one of the names made of dots.
inline rc::Gen<std::string> any_name() {
    const std::string letters = "abcxyzABCXYZ0189";
    const auto rest = rc::gen::container<std::string>(rc::gen::elementOf(letters + "+-._?="));
    return rc::gen::apply(
        [](char first, const std::string& more) { return first + more.substr(0, 210); },
        rc::gen::elementOf(letters),
        rest
    );
}

inline rc::Gen<BaseName> any_base_name() {
    return rc::gen::apply(
        [](const auto& bytes, std::string name) {
            return BaseName{HashPart(bytes), std::move(name)};
        },
        any_bytes<20>(),
        any_name()
    );
}

inline rc::Gen<StorePath> any_store_path() {
    return rc::gen::apply(
        [](std::string store_dir, BaseName base) {
            return StorePath{std::move(store_dir), std::move(base)};
        },
        rc::gen::element<std::string>("/nix/store", "/gnu/store", "/s", "/a/b-c/d"),
        any_base_name()
    );
}

// Unsigned, of the Nix dialect.
inline NarinfoFields pick_fields() {
    NarinfoFields fields{
        .store_path = *any_store_path(),
        .file = {.url = "nar/" + *any_name(), .compression = "xz", .hash = {}, .size = {}},
        .nar_hash = *any_hash(),
        .nar_size = static_cast<std::uint64_t>(*rc::gen::positive<std::int64_t>()),
        .references = *rc::gen::unique<std::vector<BaseName>>(any_base_name()),
        .deriver = {},
        .signatures = {},
        .ca = {},
    };
    fields.store_path.store_dir = "/nix/store";
    if (*rc::gen::arbitrary<bool>()) fields.file.hash = *any_hash();
    if (*rc::gen::arbitrary<bool>()) {
        fields.file.size = static_cast<std::uint64_t>(*rc::gen::nonNegative<std::int64_t>());
    }
    if (*rc::gen::arbitrary<bool>()) fields.deriver = (*any_base_name()).to_string();
    return fields;
}

}  // namespace narthex::test
