-- The plans of a cache ($1) in the order in which they were hidden. Columns as in find_collection.
select
    l.id,
    l.cache,
    l.state,
    l.batch,
    l.created_by,
    extract(epoch from l.created_at)::bigint,
    extract(epoch from l.hidden_at)::bigint,
    extract(epoch from l.restored_at)::bigint,
    extract(epoch from l.purged_at)::bigint,
    coalesce((l.summary ->> 'paths')::bigint, 0),
    coalesce((l.summary ->> 'nar_size')::bigint, 0),
    coalesce((l.policy ->> 'requested_within_seconds')::bigint, 0),
    extract(epoch from now())::bigint
from plan l
where l.cache = $1::smallint
order by l.hidden_at nulls last, l.id
