-- $1: plan. Times are seconds since 1970.
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
where id = $1
