-- All of a cache's roots, for people and for the rules of channels: without their paths. $1: cache.
select
    id,
    name,
    kind,
    coalesce(item, ''),
    cardinality(paths),
    channel,
    extract(epoch from bumped_at)::bigint,
    never_delete,
    owner,
    reason,
    extract(epoch from created_at)::bigint,
    extract(epoch from expires_at)::bigint
from root
where cache = $1
order by name
