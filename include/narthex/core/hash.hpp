// SHA-256 values and the spellings in which narinfos carry them:
// "sha256:" + Nix base32 (52), base16 (64) or base64 (44), and SRI "sha256-" + base64
// (Hash::parseAnyPrefixed in NixOS/nix libutil/hash.cc). Other algorithms are refused:
// no cache publishes narinfos with them.
#pragma once

#include "narthex/core/error.hpp"

#include <array>
#include <compare>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace narthex {

class Sha256 {
  public:
    static constexpr std::size_t k_size = 32;

    explicit Sha256(std::array<unsigned char, k_size> bytes) : bytes_(bytes) {}

    // The digest of `data`.
    [[nodiscard]] static Sha256 of(std::string_view data);

    // Any of the four spellings above; the error says what is wrong with `text`.
    [[nodiscard]] static Result<Sha256> parse(std::string_view text);

    [[nodiscard]] std::span<const unsigned char, k_size> bytes() const { return bytes_; }

    // "sha256:" + 52 characters: the spelling of narinfos and of fingerprints.
    [[nodiscard]] std::string to_nix() const;

    // "sha256-" + base64: the spelling of JSON.
    [[nodiscard]] std::string to_sri() const;

    auto operator<=>(const Sha256&) const = default;

  private:
    std::array<unsigned char, k_size> bytes_;
};

// The digest of what comes in pieces. One thread at a time.
class Sha256Stream {
  public:
    Sha256Stream();
    ~Sha256Stream();
    Sha256Stream(const Sha256Stream&) = delete;
    Sha256Stream& operator=(const Sha256Stream&) = delete;

    void update(std::string_view data);
    [[nodiscard]] Sha256 finish();  // once, after the last update

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace narthex
