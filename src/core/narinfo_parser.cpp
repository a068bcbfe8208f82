#include "narinfo_lines.hpp"
#include "narinfo_rules.hpp"

#include "narthex/core/narinfo.hpp"
#include "narthex/core/quote.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace narthex {

namespace {

std::vector<std::string_view> split_words(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find(' ', start), text.size());
        if (end > start) words.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return words;
}

void remove_duplicates(std::vector<std::string_view>& words) {
    std::vector<std::string_view> sorted = words;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) return;
    std::unordered_set<std::string_view> seen;
    std::erase_if(words, [&](std::string_view word) { return !seen.insert(word).second; });
}

}  // namespace

// Reads the values of one text's lines. Every step returns false after it has noted the error.
class NarinfoParser {
  public:
    // Both outlive the parser.
    NarinfoParser(std::string_view text, const NarinfoLines& lines) : text_(text), lines_(lines) {}

    // True when narinfo() may be taken; its text is still empty.
    bool run() {
        return read_identity() && read_sizes() && read_references() && read_optional() &&
               read_files() && read_signatures() && read_guix();
    }

    Narinfo& narinfo() { return *narinfo_; }
    ParseError& error() { return error_; }

  private:
    bool fail(std::size_t line, std::string reason) {
        error_ = {line, std::move(reason)};
        return false;
    }

    [[nodiscard]] const Field& single(Single name) const { return lines_.singles[name]; }
    [[nodiscard]] const std::vector<Field>& repeated(Repeated name) const {
        return lines_.repeated[name];
    }

    bool read_identity();
    bool read_sizes();
    bool read_references();
    bool read_optional();
    bool read_deriver();
    bool read_ca();
    bool check_counts();
    bool read_files();
    bool read_url(std::size_t index, NarFile& file);
    bool read_compression(std::size_t index, NarFile& file);
    bool read_file_hash(std::size_t index, NarFile& file);
    bool read_file_size(std::size_t index, NarFile& file);
    bool read_signatures();
    bool read_guix();
    bool read_guix_signature();
    [[nodiscard]] Dialect dialect() const;

    std::string_view text_;
    const NarinfoLines& lines_;
    std::optional<Narinfo> narinfo_;
    ParseError error_{};
};

bool NarinfoParser::read_identity() {
    const Field& path_field = single(s_store_path);
    Result<StorePath> path = StorePath::parse(path_field.value);
    if (!path) return fail(path_field.line, "StorePath: " + path.error().message);
    const Field& hash_field = single(s_nar_hash);
    const Result<Sha256> hash = Sha256::parse(hash_field.value);
    if (!hash) return fail(hash_field.line, "NarHash: " + hash.error().message);
    narinfo_ = Narinfo({}, *std::move(path), *hash);
    narinfo_->dialect_ = dialect();
    return true;
}

Dialect NarinfoParser::dialect() const {
    const bool is_guix = single(s_signature).line != 0 || repeated(r_url).size() > 1 ||
                         narinfo_->store_path_.store_dir.ends_with("/gnu/store");
    return is_guix ? Dialect::guix : Dialect::nix;
}

bool NarinfoParser::read_sizes() {
    const Field& field = single(s_nar_size);
    const std::optional<std::uint64_t> size = parse_size(field.value);
    if (!size || *size == 0) {
        return fail(
            field.line,
            "NarSize " + quote(field.value) + " is not a number of bytes from 1 to 2^63-1"
        );
    }
    narinfo_->nar_size_ = *size;
    return true;
}

bool NarinfoParser::read_references() {
    const Field& field = single(s_references);
    std::vector<std::string_view> words = split_words(field.value);
    remove_duplicates(words);
    narinfo_->references_.reserve(words.size());
    for (const std::string_view word : words) {
        Result<BaseName> reference = BaseName::parse(word);
        if (!reference) return fail(field.line, "References: " + reference.error().message);
        narinfo_->references_.push_back(*std::move(reference));
    }
    return true;
}

bool NarinfoParser::read_optional() {
    if (!single(s_system).value.empty()) narinfo_->system_ = single(s_system).value;
    return read_deriver() && read_ca();
}

bool NarinfoParser::read_deriver() {
    const Field& field = single(s_deriver);
    if (field.line == 0 || field.value == "unknown-deriver") return true;
    if (field.value.empty()) {
        return fail(field.line, "Deriver is empty; leave the line out or write unknown-deriver");
    }
    const Result<BaseName> deriver = BaseName::parse(field.value);
    if (!deriver) return fail(field.line, "Deriver: " + deriver.error().message);
    narinfo_->deriver_ = field.value;
    return true;
}

bool NarinfoParser::read_ca() {
    const Field& field = single(s_ca);
    if (field.value.empty()) return true;
    if (!is_content_address(field.value)) {
        return fail(
            field.line,
            "CA " + quote(field.value) +
                " is neither text:ALGO:HASH nor fixed:[r:|git:]ALGO:HASH; "
                "correct it or leave the line out"
        );
    }
    narinfo_->ca_ = field.value;
    return true;
}

bool NarinfoParser::check_counts() {
    const std::size_t urls = repeated(r_url).size();
    const bool is_guix = narinfo_->dialect_ == Dialect::guix;
    for (const Repeated name : {r_compression, r_file_hash, r_file_size}) {
        const std::size_t count = repeated(name).size();
        const bool may_lack = name != r_compression || !is_guix;
        if (count == urls || (count == 0 && may_lack)) continue;
        return fail(
            count == 0 ? 0 : repeated(name).back().line,
            std::to_string(urls) + " URL and " + std::to_string(count) + ' ' +
                std::string(k_repeated_names[name]) + " lines; write one for each URL" +
                (may_lack ? ", or none" : "")
        );
    }
    return true;
}

bool NarinfoParser::read_files() {
    if (!check_counts()) return false;
    narinfo_->files_.resize(repeated(r_url).size());
    for (std::size_t i = 0; i < narinfo_->files_.size(); ++i) {
        NarFile& file = narinfo_->files_[i];
        if (!read_url(i, file) || !read_compression(i, file) || !read_file_hash(i, file) ||
            !read_file_size(i, file)) {
            return false;
        }
    }
    return true;
}

bool NarinfoParser::read_url(std::size_t index, NarFile& file) {
    const Field& field = repeated(r_url)[index];
    if (const std::string_view fault = url_fault(field.value); !fault.empty()) {
        return fail(field.line, "URL " + quote(field.value) + ' ' + std::string(fault));
    }
    file.url = field.value;
    return true;
}

bool NarinfoParser::read_compression(std::size_t index, NarFile& file) {
    const auto& fields = repeated(r_compression);
    const Field field = fields.empty() ? Field{} : fields[index];
    if (field.value.empty() && narinfo_->dialect_ == Dialect::nix) {
        file.compression = "bzip2";
        return true;
    }
    if (!is_compression(field.value)) {
        return fail(
            field.line,
            "Compression " + quote(field.value) + " is none of " + std::string(k_compression_names)
        );
    }
    file.compression = field.value;
    return true;
}

bool NarinfoParser::read_file_hash(std::size_t index, NarFile& file) {
    const auto& fields = repeated(r_file_hash);
    if (fields.empty()) return true;
    const Result<Sha256> hash = Sha256::parse(fields[index].value);
    if (!hash) return fail(fields[index].line, "FileHash: " + hash.error().message);
    file.hash = *hash;
    return true;
}

bool NarinfoParser::read_file_size(std::size_t index, NarFile& file) {
    const auto& fields = repeated(r_file_size);
    if (fields.empty()) return true;
    file.size = parse_size(fields[index].value);
    if (file.size) return true;
    return fail(
        fields[index].line, "FileSize " + quote(fields[index].value) + " is not a number of bytes"
    );
}

bool NarinfoParser::read_signatures() {
    narinfo_->signatures_.reserve(repeated(r_sig).size());
    for (const Field& field : repeated(r_sig)) {
        Result<Signature> signature = Signature::parse(field.value);
        if (!signature) return fail(field.line, "Sig: " + signature.error().message);
        narinfo_->signatures_.push_back(*std::move(signature));
    }
    return true;
}

bool NarinfoParser::read_guix() {
    if (narinfo_->dialect_ == Dialect::nix) return true;
    // Guix reads base 32 alone and throws on the other spellings.
    const Field& hash = single(s_nar_hash);
    if (hash.value != narinfo_->nar_hash_.to_nix()) {
        return fail(
            hash.line,
            "Guix reads NarHash in Nix base32 only; write " + narinfo_->nar_hash_.to_nix()
        );
    }
    if (single(s_signature).line == 0) return true;
    return read_guix_signature();
}

bool NarinfoParser::read_guix_signature() {
    constexpr std::string_view key = "Signature:";
    const Field& field = single(s_signature);
    if (!is_guix_signature(field.value)) {
        return fail(field.line, "Signature is not of the form 1;HOST;BASE64");
    }
    // Guix takes the bytes before the first "Signature:", wherever that stands.
    const std::size_t first = text_.find(key);
    if (text_.data() + first + key.size() + 1 != field.value.data()) {
        return fail(
            line_at(text_, first), "has 'Signature:' inside, where Guix would end the signed bytes"
        );
    }
    for (const Single name : {s_store_path, s_nar_hash, s_references}) {
        if (single(name).line > field.line) return true;  // unsigned in Guix's eyes
    }
    narinfo_->guix_signature_ = field.value;
    narinfo_->guix_signed_size_ = first;
    return true;
}

boost::system::result<Narinfo, ParseError> Narinfo::parse(std::string text) {
    auto lines = read_lines(text);
    if (!lines) return std::move(lines).error();
    NarinfoParser parser(text, *lines);
    if (!parser.run()) return std::move(parser.error());
    Narinfo narinfo = std::move(parser.narinfo());
    narinfo.text_ = std::move(text);
    return narinfo;
}

}  // namespace narthex
