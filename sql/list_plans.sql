-- The last $2 plans of a cache ($1), the newest first; columns as of find_plan.
select
    id,
    cache,
    extract(epoch from created_at)::bigint,
    created_by,
    engine,
    policy,
    summary,
    state,
    extract(epoch from hidden_at)::bigint,
    extract(epoch from restored_at)::bigint,
    extract(epoch from purged_at)::bigint
from plan
where cache = $1
order by id desc
limit $2
