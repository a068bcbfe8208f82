#include "import_chunk.hpp"

#include <cstring>

namespace narthex::service {

namespace {

// Lengths and numbers are 8 bytes, as this machine has them: only this process reads them.
void put(std::string& out, std::uint64_t number) {
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    out.append(bytes, sizeof bytes);
}

void put(std::string& out, std::string_view text) {
    put(out, text.size());
    out += text;
}

class Reader {
  public:
    explicit Reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number() {
        std::uint64_t number = 0;
        std::memcpy(&number, rest_.data(), sizeof number);
        rest_.remove_prefix(sizeof number);
        return number;
    }

    std::string text() {
        const auto size = number();
        std::string out(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return out;
    }

  private:
    std::string_view rest_;
};

std::string spooled(const Candidate& candidate) {
    std::string out;
    put(out, candidate.origin.file);
    put(out, candidate.origin.line);
    put(out, candidate.narinfo.text());
    put(out, candidate.places.size());
    for (const auto& place : candidate.places) {
        put(out, static_cast<std::uint64_t>(place ? place->site : 0));
        put(out, place ? place->path : "");
    }
    return out;
}

}  // namespace

void ImportChunk::add(const Candidate& candidate) {
    index_.add(candidate.narinfo.store_path().base.hash, candidate.narinfo.references());
    extents_.push_back(spool_.append(spooled(candidate)));
}

Candidate ImportChunk::load(Place place) const {
    const auto bytes = spool_.read(extents_[place]);
    Reader reader(bytes);
    auto file = reader.text();
    const auto line = reader.number();
    // It was valid when it was added.
    auto narinfo = Narinfo::parse(reader.text()).value();
    std::vector<std::optional<db::NarPlace>> places(reader.number());
    for (auto& each : places) {
        const auto site = static_cast<int>(reader.number());
        auto path = reader.text();
        if (site != 0) each = db::NarPlace{site, std::move(path)};
    }
    return {std::move(narinfo), {std::move(file), line}, std::move(places)};
}

std::size_t ImportChunk::memory() const {
    constexpr std::size_t k_id = sizeof(int);
    return index_.bytes() + index_.paths().size() * k_id +
           extents_.capacity() * sizeof(Spool::Extent);
}

void ImportChunk::clear() {
    index_ = {};
    extents_ = {};
    spool_.clear();
}

}  // namespace narthex::service
