-- A root as in list_roots; nobody else changes it until the end of the transaction. $1: cache; $2: name.
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
where cache = $1 and name = $2
for update
