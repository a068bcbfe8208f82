#include "fuzz.hpp"

#include "narthex/core/narinfo.hpp"

#include <string>

namespace narthex::fuzz {

namespace {

// What Nix would sign for a narinfo must not depend on how its text was laid out.
void check_rendered_again(const Narinfo& narinfo) {
    const auto again = Narinfo::parse(render_nix_narinfo({
        .store_path = narinfo.store_path(),
        .file = narinfo.files().back(),
        .nar_hash = narinfo.nar_hash(),
        .nar_size = narinfo.nar_size(),
        .references = narinfo.references(),
        .deriver = narinfo.deriver(),
        .signatures = narinfo.signatures(),
        .ca = narinfo.ca(),
    }));
    require(again.has_value());
    require(again->fingerprint() == narinfo.fingerprint());
    require(again->signatures() == narinfo.signatures());
    require(again->files().back() == narinfo.files().back());
    require(again->deriver() == narinfo.deriver());
    require(again->ca() == narinfo.ca());
}

void check_guix(const Narinfo& narinfo) {
    const auto bytes = narinfo.guix_signed_bytes();
    require(bytes.has_value() == narinfo.guix_signature().has_value());
    if (!bytes) return;
    require(narinfo.dialect() == Dialect::guix);
    require(bytes->find("Signature:") == bytes->npos);
    require(bytes->empty() || bytes->back() == '\n');
    require(narinfo.text().starts_with(std::string(*bytes) + "Signature: "));
}

}  // namespace

void test_one(std::string_view text) {
    const auto narinfo = Narinfo::parse(std::string(text));
    if (!narinfo) {
        require(!narinfo.error().reason.empty());
        return;
    }
    require(narinfo->text() == text);
    require(narinfo->nar_size() > 0);
    require(!narinfo->files().empty());
    check_rendered_again(*narinfo);
    check_guix(*narinfo);
}

}  // namespace narthex::fuzz
