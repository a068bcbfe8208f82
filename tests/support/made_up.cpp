#include "support/made_up.hpp"

#include <algorithm>
#include <array>

namespace narthex::test {

namespace {

std::string word(const char* what, int number) {
    return std::string(what) + "-" + std::to_string(number);
}

}  // namespace

HashPart path_hash(int number) {
    const auto digest = Sha256::of(word("path", number));
    std::array<unsigned char, HashPart::k_size> part{};
    std::copy_n(digest.bytes().begin(), part.size(), part.begin());
    return HashPart(part);
}

BaseName path_name(int number) {
    return {path_hash(number), word("path", number)};
}

NarinfoFields made_up_fields(int number, const std::vector<int>& references) {
    NarinfoFields fields{
        .store_path = {"/nix/store", path_name(number)},
        .file =
            {.url = "nar/" + std::to_string(number) + ".nar.xz",
             .compression = "xz",
             .hash = Sha256::of(word("file", number)),
             .size = 100 + static_cast<std::uint64_t>(number)},
        .nar_hash = Sha256::of(word("nar", number)),
        .nar_size = 1000 + static_cast<std::uint64_t>(number),
        .references = {},
        .deriver = {},
        .signatures = {},
        .ca = {},
    };
    for (const int reference : references) fields.references.push_back(path_name(reference));
    return fields;
}

std::string made_up_text(int number, const std::vector<int>& references) {
    return render_nix_narinfo(made_up_fields(number, references));
}

std::string contradicting_text(int number, const std::vector<int>& references) {
    auto fields = made_up_fields(number, references);
    fields.nar_hash = Sha256::of(word("another nar", number));
    return render_nix_narinfo(fields);
}

std::string guix_text(int number, const std::vector<int>& references) {
    const auto fields = made_up_fields(number, references);
    const auto base = fields.store_path.base.to_string();
    std::string text = "StorePath: " + fields.store_path.to_string() +
                       "\nNarHash: " + fields.nar_hash.to_nix() +
                       "\nNarSize: " + std::to_string(fields.nar_size) + "\nReferences: ";
    for (std::size_t i = 0; i < fields.references.size(); ++i) {
        text += (i == 0 ? "" : " ") + fields.references[i].to_string();
    }
    text += "\nSignature: 1;guix.example.org;KHNpZ25hdHVyZSk=\n";
    for (const std::string kind : {"gzip", "zstd"}) {
        text += "URL: nar/" + kind + "/" + base + "\nCompression: " + kind + "\nFileSize: 77\n";
    }
    return text;
}

Narinfo made_up(int number, const std::vector<int>& references) {
    return Narinfo::parse(made_up_text(number, references)).value();
}

}  // namespace narthex::test
