#include "narthex/http/bulk_json.hpp"

#include "narthex/core/encoding.hpp"

#include <nlohmann/json.hpp>

#include <array>

namespace narthex::http {

namespace {

using Json = nlohmann::ordered_json;

// A text may hold any UTF-8, but a line added by hand anything.
std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json or_null(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json(nullptr);
}

struct Algorithm {
    std::string_view name;
    std::size_t size;
};
constexpr std::array<Algorithm, 5> k_algorithms = {
    {{"md5", 16}, {"sha1", 20}, {"sha256", 32}, {"sha512", 64}, {"blake3", 32}}};

std::optional<Bytes> decode(std::string_view text, std::size_t size) {
    const auto bytes = [&]() -> Bytes {
        if (const auto nix = from_nix_base32(text, size)) return *nix;
        if (text.size() == 2 * size) return from_hex(text).value_or(Bytes{});
        return from_base64(text).value_or(Bytes{});
    }();
    if (bytes.size() != size) return std::nullopt;
    return bytes;
}

// "sha256:<base32, base16 or base64>" as SRI; null for anything else.
Json sri(std::string_view text) {
    for (const auto& [name, size] : k_algorithms) {
        if (!text.starts_with(name) || text.substr(name.size(), 1) != ":") continue;
        const auto bytes = decode(text.substr(name.size() + 1), size);
        if (bytes) return std::string(name) + "-" + to_base64(*bytes);
    }
    return nullptr;
}

struct Method {
    std::string_view prefix;  // in a narinfo's CA line
    const char* name;         // in JSON
};
constexpr std::array<Method, 4> k_methods = {
    {{"fixed:r:", "nar"}, {"fixed:git:", "git"}, {"fixed:", "flat"}, {"text:", "text"}}};

// The content address of Nix's JSON (libstore/content-address.cc). One that isn't understood is
// left out: the path's signatures remain.
Json content_address(const std::optional<std::string>& ca) {
    if (!ca) return nullptr;
    for (const auto& [prefix, name] : k_methods) {
        if (!ca->starts_with(prefix)) continue;
        auto hash = sri(std::string_view(*ca).substr(prefix.size()));
        if (hash.is_null()) return nullptr;
        return {{"method", name}, {"hash", std::move(hash)}};
    }
    return nullptr;
}

Json texts(std::span<const HashPart> hashes) {
    Json array = Json::array();
    for (const auto& hash : hashes) array.push_back(hash.to_string());
    return array;
}

}  // namespace

std::string narinfo_json_line(
    const Narinfo& narinfo, std::chrono::system_clock::time_point first_seen
) {
    const auto& file = narinfo.files().front();
    Json references = Json::array();
    for (const auto& reference : narinfo.references()) references.push_back(reference.to_string());
    Json signatures = Json::array();
    for (const auto& signature : narinfo.signatures()) signatures.push_back(signature.to_string());
    const auto since =
        std::chrono::duration_cast<std::chrono::seconds>(first_seen.time_since_epoch());
    const Json object = {
        {"version", 2},
        {"storeDir", narinfo.store_path().store_dir},
        {"path", narinfo.store_path().base.to_string()},
        {"narHash", narinfo.nar_hash().to_sri()},
        {"narSize", narinfo.nar_size()},
        {"references", std::move(references)},
        {"ca", content_address(narinfo.ca())},
        {"deriver", or_null(narinfo.deriver())},
        {"registrationTime", since.count()},
        {"ultimate", false},
        {"signatures", std::move(signatures)},
        {"url", file.url},
        {"compression", file.compression},
        {"downloadHash", file.hash ? Json(file.hash->to_sri()) : Json(nullptr)},
        {"downloadSize", file.size ? Json(*file.size) : Json(nullptr)},
    };
    return dump(object) + "\n";
}

std::string hash_array_json(std::span<const HashPart> hashes) {
    return dump(texts(hashes));
}

std::string missing_paths_json(std::span<const HashPart> hashes) {
    return dump({{"missing_paths", texts(hashes)}});
}

std::string attic_error_json(int code, const std::string& error, const std::string& message) {
    return dump({{"code", code}, {"error", error}, {"message", message}});
}

}  // namespace narthex::http
