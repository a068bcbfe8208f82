#include "narthex/http/bulk_body.hpp"

#include "narthex/core/quote.hpp"

#include <nlohmann/json.hpp>

#include <stdexcept>
#include <unordered_set>

namespace narthex::http {

namespace {

using Json = nlohmann::json;

// The distinct ones, and whether they are too many.
class Collector {
  public:
    explicit Collector(std::size_t most) : most_(most) {}

    // False when it is one too many.
    bool add(const HashPart& hash) {
        if (!seen_.insert(hash).second) return true;
        list_.push_back(hash);
        return list_.size() <= most_;
    }
    [[nodiscard]] BodyError too_many() const {
        return {"more than " + std::to_string(most_) + " paths: ask in several requests", true};
    }
    HashList take() { return std::move(list_); }

  private:
    std::size_t most_;
    std::unordered_set<HashPart> seen_;
    HashList list_;
};

Result<HashPart> parse_line(std::string_view line) {
    constexpr std::string_view k_suffix = ".narinfo";
    if (line.size() > HashPart::k_text_size && line[HashPart::k_text_size] == '-') {
        const auto base = BaseName::parse(line);
        if (!base) return base.error();
        return base->hash;
    }
    if (line.ends_with(k_suffix)) line.remove_suffix(k_suffix.size());
    return HashPart::parse(line);
}

// Reads hashes as they come, without a tree in memory: a body may nest as deep as it is long.
// Each callback returns false to stop, with `error` set.
class HashReader : public nlohmann::json_sax<Json> {
  public:
    HashReader(bool attic, std::size_t most) : attic_(attic), hashes_(most) {}

    bool null() override { return scalar(); }
    bool boolean(bool /*value*/) override { return scalar(); }
    bool number_integer(number_integer_t /*value*/) override { return scalar(); }
    bool number_unsigned(number_unsigned_t /*value*/) override { return scalar(); }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
        return scalar();
    }
    bool binary(binary_t& /*value*/) override { return scalar(); }
    bool string(string_t& value) override;
    bool start_object(std::size_t /*size*/) override;
    bool key(string_t& value) override;
    bool end_object() override;
    bool start_array(std::size_t /*size*/) override;
    bool end_array() override;
    bool
    parse_error(std::size_t position, const std::string& /*token*/, const nlohmann::detail::exception&)
        override {
        return fail("not JSON, at byte " + std::to_string(position));
    }

    BodyError error;
    std::string cache;
    bool has_cache = false;
    bool has_hashes = false;
    HashList take() { return hashes_.take(); }

  private:
    bool fail(std::string message) {
        error.message = std::move(message);
        return false;
    }
    bool wrong_shape() {
        return fail(
            attic_ ? R"({"cache": "NAME", "store_path_hashes": ["HASH", ...]} is wanted)"
                   : R"(an array of hashes is wanted: ["HASH", ...])"
        );
    }
    // True within the array of hashes.
    [[nodiscard]] bool in_hashes() const { return in_array_ && is_hash_key(); }
    [[nodiscard]] bool is_hash_key() const { return !attic_ || key_ == "store_path_hashes"; }
    bool scalar() {
        const bool ignored = attic_ && in_object_ && !is_hash_key() && key_ != "cache";
        return ignored || wrong_shape();
    }

    bool attic_;
    Collector hashes_;
    std::string key_;
    bool in_object_ = false;
    bool in_array_ = false;
    std::size_t count_ = 0;
};

bool HashReader::string(string_t& value) {
    if (in_hashes()) {
        ++count_;
        const auto hash = HashPart::parse(value);
        if (!hash) return fail("element " + std::to_string(count_) + ": " + hash.error().message);
        if (hashes_.add(*hash)) return true;
        error = hashes_.too_many();
        return false;
    }
    if (!attic_ || !in_object_ || key_ != "cache") return scalar();
    if (has_cache) return fail("\"cache\" is there twice");
    has_cache = true;
    cache = std::move(value);
    return true;
}

bool HashReader::start_object(std::size_t /*size*/) {
    if (!attic_ || in_object_) return wrong_shape();
    in_object_ = true;
    return true;
}

bool HashReader::key(string_t& value) {
    key_ = std::move(value);
    return true;
}

bool HashReader::end_object() {
    return true;
}

bool HashReader::start_array(std::size_t /*size*/) {
    if (in_array_ || in_object_ != attic_) return wrong_shape();
    if (!is_hash_key() && key_ == "cache") return wrong_shape();
    if (is_hash_key() && has_hashes) return fail("\"store_path_hashes\" is there twice");
    has_hashes = has_hashes || is_hash_key();
    in_array_ = true;
    return true;
}

bool HashReader::end_array() {
    in_array_ = false;
    return true;
}

bool read(std::string_view body, HashReader& reader) {
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
        reader.error.message = "the body is empty";
        return false;
    }
    return Json::sax_parse(body.begin(), body.end(), &reader);
}

}  // namespace

void throw_exception_from_error(
    const BodyError& error, const boost::source_location& /*where*/
) {
    throw std::logic_error("unchecked error: " + error.message);
}

BodyResult<HashList> parse_hash_lines(std::string_view body, std::size_t most) {
    Collector hashes(most);
    std::size_t number = 0;
    while (!body.empty()) {
        ++number;
        auto line = body.substr(0, body.find('\n'));
        body.remove_prefix(std::min(body.size(), line.size() + 1));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty()) continue;
        const auto hash = parse_line(line);
        if (!hash) {
            return BodyError{"line " + std::to_string(number) + ": " + hash.error().message};
        }
        if (!hashes.add(*hash)) return hashes.too_many();
    }
    auto list = hashes.take();
    if (list.empty()) return BodyError{"the body is empty: one hash part a line is wanted"};
    return list;
}

BodyResult<HashList> parse_hash_array(std::string_view body, std::size_t most) {
    HashReader reader(false, most);
    if (!read(body, reader)) return reader.error;
    return reader.take();
}

BodyResult<AtticQuestion> parse_attic_question(std::string_view body, std::size_t most) {
    HashReader reader(true, most);
    if (!read(body, reader)) return reader.error;
    if (!reader.has_cache) return BodyError{"\"cache\" is missing"};
    if (!reader.has_hashes) return BodyError{"\"store_path_hashes\" is missing"};
    return AtticQuestion{std::move(reader.cache), reader.take()};
}

}  // namespace narthex::http
