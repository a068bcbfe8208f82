#include "fuzz.hpp"

#include "narthex/core/store_path.hpp"

namespace narthex::fuzz {

void test_one(std::string_view text) {
    if (const auto path = StorePath::parse(text)) {
        require(path->to_string() == text);
        require(is_store_dir(path->store_dir));
    }
    if (const auto base = BaseName::parse(text)) {
        require(base->to_string() == text);
        require(StorePath::parse("/nix/store/" + base->to_string()).value().base == *base);
    }
    if (const auto hash = HashPart::parse(text)) require(hash->to_string() == text);
    if (is_store_dir(text)) require(text[0] == '/' && text.back() != '/');
}

}  // namespace narthex::fuzz
