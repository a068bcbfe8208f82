// The head of an answer to one of the Exchanges, as it comes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace narthex::service {

struct ExchangeHead {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> fields;  // names in lower case

    // A line of it. One with control characters is left out: it would end a line of our own.
    void add(std::string_view line);

    [[nodiscard]] std::string_view field(std::string_view name) const;  // empty: there is none

    // Of the body. Absent, too, when its fields say two things of that.
    [[nodiscard]] std::optional<std::uint64_t> length() const;

    // Whether the rest of the request's body isn't wanted any more.
    [[nodiscard]] bool refuses() const { return status >= 300; }
};

}  // namespace narthex::service
