-- How far a plan ($1) has come. The first columns are those of list_collections.
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
where l.id = $1::int
