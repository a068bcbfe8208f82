-- The hash parts of all paths of roots, each once. $1: the roots' ids, int[]. OFFSET 0: see
-- find_narinfos.
select p.hash
from (
    select distinct u.id
    from root r
    cross join lateral unnest(r.paths) u (id)
    where r.id = any($1::int[])
) d
cross join lateral (select hash from path where id = d.id offset 0) p
