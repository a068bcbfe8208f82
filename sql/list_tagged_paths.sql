-- The next paths ($5 of them) with a tag, in the order of their hash parts: a walk along tag_key.
-- $1: cache; $2: key; $3: value; $4: only hash parts after this one, bytea.
-- OFFSET 0: see find_narinfos.
select t.hash, n.name, n.nar_hash, n.nar_size, extract(epoch from n.first_seen)::bigint
from tag t
cross join lateral (
    select name, nar_hash, nar_size, first_seen
    from narinfo
    where cache = $1 and hash = t.hash
    offset 0
) n
where t.cache = $1 and t.key = $2 and t.value = $3 and t.hash > $4::bytea
order by t.hash
limit $5::int
