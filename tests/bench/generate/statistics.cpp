#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numeric>
#include <ostream>
#include <string>

namespace narthex::bench {

namespace {

double mean(const std::vector<std::size_t>& values) {
    if (values.empty()) return 0;
    const auto sum = std::accumulate(values.begin(), values.end(), 0.0);
    return sum / static_cast<double>(values.size());
}

double quantile(std::vector<std::size_t> values, double share) {
    if (values.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), values.begin() + at, values.end());
    return static_cast<double>(values[static_cast<std::size_t>(at)]);
}

double share(std::size_t part, std::size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void print_values(
    std::ostream& out, std::string_view what, const std::vector<std::size_t>& values
) {
    out << what << ": mean " << mean(values);
    for (const int percent : {10, 25, 50, 75, 90, 95, 99}) {
        out << " p" << percent << ' ' << std::setprecision(0) << quantile(values, percent / 100.0)
            << std::setprecision(1);
    }
    out << " max " << quantile(values, 1) << '\n';
}

}  // namespace

void Statistics::add(
    Class kind, std::size_t references, bool to_itself, std::size_t name, std::size_t bytes
) {
    ++paths_[static_cast<std::size_t>(kind)];
    edges_[static_cast<std::size_t>(kind)] += references;
    references_.push_back(references);
    names_.push_back(name);
    bytes_.push_back(bytes);
    if (to_itself) ++to_themselves_;
}

void Statistics::print(std::ostream& out) const {
    out << std::fixed << std::setprecision(1);
    out << "narinfos: " << references_.size() << ", refer to themselves "
        << 100 * share(to_themselves_, references_.size()) << " %\n";
    print_values(out, "references", references_);
    print_values(out, "bytes", bytes_);
    print_values(out, "name length", names_);
    const auto edges = std::accumulate(edges_.begin(), edges_.end(), std::size_t{0});
    for (std::size_t i = 0; i < k_classes; ++i) {
        out << "  " << std::left << std::setw(13) << k_class_names[i] << std::right << std::setw(5)
            << 100 * share(paths_[i], references_.size()) << " % of paths, " << std::setw(5)
            << 100 * share(edges_[i], edges) << " % of references\n";
    }
}

bool Statistics::check(std::ostream& out) const {
    bool good = true;
    const auto within = [&](const std::string& what, double found, double real, double slack) {
        if (std::abs(found - real) <= slack) return;
        out << what << " is " << found << ", and must be " << real << " +- " << slack << '\n';
        good = false;
    };
    within("mean of references", mean(references_), 31.1, 3);
    within("median of references", quantile(references_, 0.5), 5, 1);
    within("95th percentile of references", quantile(references_, 0.95), 95, 15);
    within("mean of bytes", mean(bytes_), 2061, 200);
    within("median of bytes", quantile(bytes_, 0.5), 769, 80);
    within("mean name length", mean(names_), 20.7, 2);
    within("share of self references", share(to_themselves_, references_.size()), 0.376, 0.03);
    for (std::size_t i = 0; i < k_classes; ++i) {
        const std::string what = "share of class " + std::string(k_class_names[i]);
        within(what, share(paths_[i], references_.size()), k_class_shares[i], 0.01);
    }
    return good;
}

}  // namespace narthex::bench
