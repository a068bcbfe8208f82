-- Which of the paths asked for are hidden, whether or not there is a narinfo.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
-- OFFSET 0: see find_narinfos.
select u.ord
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
where
    exists (
        select from hidden h
        where
            h.cache = u.cache
            and h.hash = u.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
