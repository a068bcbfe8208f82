// What was published beside narinfos: asked of the database behind the bulk requests, since hardly
// anybody asks for it.
#include "bulk_jobs.hpp"

#include "narthex/http/common_answers.hpp"

namespace narthex::http {

namespace {

Answer answer_of(
    JobContext& context, int cache, const CompanionPath& path, db::LookupConnection& connection
) {
    const bool absences_count = context.watch.up_to_date();
    auto content = connection.find_companion(cache, path.path);
    if (!content) return absences_count ? text_answer(404, "404: not here") : not_up_to_date();
    if (!context.ask.work.share->grow(content->size())) return too_busy();
    return long_answer(
        content_type_of(path.kind), std::move(*content), std::move(context.ask.work.share)
    );
}

}  // namespace

void find_companion(JobContext context, int cache, const CompanionPath& path) {
    auto& lookups = context.lookups;
    const auto shared = std::make_shared<JobContext>(std::move(context));
    lookups.submit(
        {shared->ask.client,
         std::chrono::steady_clock::now() + shared->limits.timeout,
         [shared, cache, path, done = shared->done](db::LookupConnection& connection) {
             done(answer_of(*shared, cache, path, connection));
         },
         [done = shared->done] { done(service_unavailable()); }}
    );
}

}  // namespace narthex::http
