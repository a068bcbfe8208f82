-- The places of the paths that aren't served, of those asked for. $1: cache; $2: hash parts, bytea[].
-- OFFSET 0: see find_narinfos.
select u.ord
from unnest($2::bytea[]) with ordinality u (hash, ord)
where
    not exists (select from narinfo n where n.cache = $1 and n.hash = u.hash offset 0)
    or exists (
        select from hidden h
        where
            h.cache = $1
            and h.hash = u.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
order by u.ord
