-- The ids of those paths that have one, by place among those asked for. $1: cache; $2: hash parts,
-- bytea[]. OFFSET 0: see find_narinfos.
select u.ord, p.id
from unnest($2::bytea[]) with ordinality u (hash, ord)
cross join lateral (select id from path where cache = $1::smallint and hash = u.hash offset 0) p
