#include "narthex/core/package_name.hpp"

namespace narthex {

namespace {

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string_view package_name(std::string_view name) {
    for (auto at = name.find('-'); at != name.npos; at = name.find('-', at + 1)) {
        if (at + 1 < name.size() && !is_letter(name[at + 1])) return name.substr(0, at);
    }
    return name;
}

}  // namespace narthex
