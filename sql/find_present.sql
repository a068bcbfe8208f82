-- Which of the paths asked for are served: find_narinfos without the texts.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
select u.ord
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
where
    exists (select from narinfo n where n.cache = u.cache and n.hash = u.hash offset 0)
    and not exists (
        select from hidden h
        where
            h.cache = u.cache
            and h.hash = u.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
