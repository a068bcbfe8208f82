#include "narthex/http/region_nars.hpp"

#include "nar_sources.hpp"

#include "narthex/core/http_target.hpp"
#include "narthex/http/common_answers.hpp"
#include "narthex/http/nar_answer.hpp"
#include "narthex/http/relay_rules.hpp"
#include "narthex/http/relayed_answer.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace narthex::http {

namespace asio = boost::asio;
using db::InstanceRole;
using State = service::NarFetch::State;

namespace {

constexpr std::string_view k_nar_type = "application/x-nix-nar";
// What the primary may say of a NAR to clients of ours. All else is between it and us.
constexpr std::array k_told = {200, 206, 304, 404, 416};

Answer unfetched() {
    return try_later(
        "503: this region can't get the NAR from its primary; try again in some seconds"
    );
}

Answer followed(std::shared_ptr<service::NarFetch> fetch, asio::thread_pool& files) {
    Answer answer;
    const auto size = fetch->standing().size;
    answer.head = HeadBuilder(200, k_nar_type, size).field("Accept-Ranges", "bytes").share();
    answer.source = std::make_shared<FollowedNar>(std::move(fetch), files);
    return answer;
}

}  // namespace

// Of one client.
struct RegionNars::Question {
    BulkAsk ask;
    Done done;
    std::shared_ptr<const db::Instance> instance;
    service::WantedNar nar;

    [[nodiscard]] const Request& request() const { return **ask.request; }
};

RegionNars::RegionNars(
    service::InstanceNow instance,
    const service::Catalog& catalog,
    const service::KeptNars& kept,
    service::NarFetches& fetches,
    service::Exchanges& exchanges,
    asio::thread_pool& files
)
    : instance_(std::move(instance)),
      catalog_(catalog),
      kept_(kept),
      fetches_(fetches),
      exchanges_(exchanges),
      files_(files) {}

bool RegionNars::works() const {
    const auto instance = instance_();
    const bool was_promoted = instance->epoch > 1 && kept_.keeps();
    return instance->role == InstanceRole::region || was_promoted;
}

void RegionNars::answer(BulkAsk ask, Done done) {
    done = done_for((*ask.request)->method, std::move(done));
    asio::post(files_, [this, ask = std::move(ask), done = std::move(done)]() mutable {
        start(std::move(ask), std::move(done));
    });
}

void RegionNars::start(BulkAsk ask, Done done) {
    if (ask.client.expired()) return;
    const auto& request = **ask.request;
    const auto caches = catalog_.caches();
    const auto to = route(request.target, *caches);
    if (to.cache == nullptr) return done(text_answer(404, "404: not here"));
    const auto instance = instance_();
    const auto& facts = *ask.work.nar->facts;
    const auto path = kept_.path_of(to.cache->name, to.nar);
    if (kept_.keeps() && service::KeptNars::has(path, facts.size)) {
        return done(nar_answer({path}, request));
    }
    if (instance->role != InstanceRole::region) {
        return done(nar_answer(ask.work.nar->files, request));
    }
    if (!request.relayed_by.empty()) return done(relay_loop(instance->name));
    if (!instance->primary_url) return done(no_primary_url(instance->name));
    const bool whole = request.method == Method::get && request.range.empty();
    auto nar = service::wanted_nar(*instance, kept_, to.cache->name, to.nar, facts);
    const auto question = std::make_shared<const Question>(Question{
        std::move(ask), std::move(done), instance, std::move(nar)});
    if (whole && kept_.keeps()) return follow(question);
    pass_through(question);
}

void RegionNars::follow(const QuestionPtr& question) {
    const auto fetch = fetches_.fetch(question->nar);
    fetch->when_begun([this, question, weak = std::weak_ptr(fetch)] {
        auto begun = weak.lock();
        const auto state = begun ? begun->standing().state : State::failed;
        if (state == State::coming || state == State::kept) {
            return question->done(followed(std::move(begun), files_));
        }
        if (state == State::unkept) return pass_through(question);
        if (state == State::absent) return question->done(text_answer(404, "404: not here"));
        question->done(unfetched());
    });
}

void RegionNars::pass_through(const QuestionPtr& question) {
    service::ExchangeRequest request;
    request.method = method_name(question->request().method);
    request.url = question->nar.url;
    request.fields = question->nar.fields;
    for (auto& field : range_fields(question->request())) {
        request.fields.push_back(std::move(field));
    }
    const auto exchange =
        exchanges_.start(std::move(request), [question](const auto& with, const auto& what) {
            if (const auto* fault = std::get_if<service::ExchangeFault>(&what)) {
                const auto url = without_user(*question->instance->primary_url);
                return question->done(primary_fault(url, *fault));
            }
            begun(question, with, std::get<service::ExchangeHead>(what));
        });
    if (!exchange) question->done(too_many_relayed());
}

void RegionNars::begun(
    const QuestionPtr& question,
    const std::shared_ptr<service::Exchange>& exchange,
    const service::ExchangeHead& head
) {
    const auto& request = question->request();
    const auto length = head.length();
    const auto& facts = question->nar.facts;
    const bool is_whole = head.status == 200;
    const bool fits = !is_whole || (length && facts.size.value_or(*length) == *length);
    if (!fits || std::ranges::find(k_told, head.status) == k_told.end()) {
        exchange->cancel();
        return question->done(unfetched());
    }
    if (!is_whole || request.method == Method::head) {
        return relay_answer(exchange, head, request.method, question->done);
    }
    Answer answer;
    answer.head = relayed_head(head, length)->share();
    answer.source = std::make_shared<CheckedNar>(exchange, facts.hash);
    question->done(std::move(answer));
}

}  // namespace narthex::http
