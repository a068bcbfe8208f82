#include "narthex/service/region_epochs.hpp"

#include <nlohmann/json.hpp>

namespace narthex::service {

namespace {

FetchOptions fetch_options(const std::string& user_agent, const std::string& ca_file) {
    FetchOptions options;
    options.user_agent = user_agent;
    options.ca_file = ca_file;
    options.largest = 4096;
    return options;
}

std::string instance_url(std::string url) {
    while (url.ends_with('/')) url.pop_back();
    return url + "/api/v1/instance";
}

}  // namespace

std::optional<std::int64_t> epoch_of(std::string_view json) {
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    if (!parsed.is_object()) return std::nullopt;
    const auto epoch = parsed.find("epoch");
    if (epoch == parsed.end() || !epoch->is_number_integer()) return std::nullopt;
    return epoch->get<std::int64_t>();
}

RegionEpochs::RegionEpochs(const std::string& user_agent, const std::string& ca_file)
    : fetcher_(fetch_options(user_agent, ca_file)) {}

RegionEpochs::~RegionEpochs() {
    fetcher_.stop();
}

void RegionEpochs::ask(const std::vector<std::string>& urls) {
    {
        const std::lock_guard lock(mutex_);
        if (waiting_ > 0) return;
        waiting_ = urls.size();
        silent_ = 0;
    }
    for (const auto& url : urls) {
        fetcher_.fetch(instance_url(url), [this, url](const Fetched& fetched) {
            answered(url, fetched);
        });
    }
}

void RegionEpochs::answered(const std::string& url, const Fetched& fetched) {
    const auto epoch = fetched.status == 200 ? epoch_of(fetched.body) : std::nullopt;
    const std::lock_guard lock(mutex_);
    --waiting_;
    if (!epoch) ++silent_;
    if (epoch && (!highest_ || *epoch > highest_->epoch)) highest_ = Epoch{*epoch, url};
}

bool RegionEpochs::asked() const {
    const std::lock_guard lock(mutex_);
    return waiting_ == 0;
}

std::optional<RegionEpochs::Epoch> RegionEpochs::highest() const {
    const std::lock_guard lock(mutex_);
    return highest_;
}

std::size_t RegionEpochs::silent() const {
    const std::lock_guard lock(mutex_);
    return silent_;
}

}  // namespace narthex::service
