// The narinfos of a made-up cache, one after the other, references before referrers.
#pragma once

#include "graph.hpp"
#include "random.hpp"

#include "narthex/core/narinfo.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace narthex::bench {

struct MadeNarinfo {
    Class kind;
    StorePath path;
    std::size_t references;
    bool to_itself;
    std::string text;
};

class Narinfos {
  public:
    Narinfos(std::size_t count, std::uint64_t seed);

    // At most `count` times.
    [[nodiscard]] MadeNarinfo next();

  private:
    void set_nar(NarinfoFields& fields, std::size_t number) const;
    [[nodiscard]] std::vector<BaseName> sorted(std::span<const PathNumber> paths) const;

    std::uint64_t seed_;
    Graph graph_;
    std::vector<Class> classes_;
    std::vector<BaseName> names_;  // of all paths, and after them of those only referred to
    std::size_t next_ = 0;
};

}  // namespace narthex::bench
