#include "narthex/http/companion_body.hpp"

#include <nlohmann/json.hpp>

namespace narthex::http {

namespace {

using nlohmann::json;

// The id that the path of a realisation names: "sha256:...!out".
std::string id_in(const std::string& path) {
    constexpr std::string_view k_prefix = "realisations/";
    constexpr std::string_view k_suffix = ".doi";
    return path.substr(k_prefix.size(), path.size() - k_prefix.size() - k_suffix.size());
}

Result<std::optional<HashPart>> output_of_realisation(
    const CompanionPath& path, std::string_view content
) {
    const auto body = json::parse(content, nullptr, false);
    if (!body.is_object()) return Error{"a realisation is a JSON object"};
    const auto id = body.find("id");
    if (path.kind == CompanionKind::realisation && id != body.end() && *id != id_in(path.path)) {
        return Error{"this realisation's id isn't the one in its URL"};
    }
    const auto output = body.find("outPath");
    if (output == body.end() || !output->is_string()) {
        return Error{"a realisation names its outPath"};
    }
    const auto text = output->get<std::string>();
    const auto base = BaseName::parse(std::string_view(text).substr(text.rfind('/') + 1));
    if (!base) return Error{"its outPath " + base.error().message};
    return std::optional(base->hash);
}

}  // namespace

Result<std::optional<HashPart>> output_of_companion(
    const CompanionPath& path, std::string_view content
) {
    switch (path.kind) {
        case CompanionKind::log:
            return path.output;
        case CompanionKind::listing:
        case CompanionKind::debuginfo:
            // Not read into memory: a listing is large, and nobody here looks into it.
            if (!content.starts_with('{') || !json::accept(content)) {
                return Error{"this isn't a JSON object"};
            }
            return path.output;
        case CompanionKind::realisation:
        case CompanionKind::build_trace:
            return output_of_realisation(path, content);
    }
    return path.output;
}

}  // namespace narthex::http
