-- What was published beside a narinfo, unless its output is hidden. $1: cache; $2: path.
-- OFFSET 0: see find_narinfos.
select c.content
from companion c
where
    c.cache = $1::smallint
    and c.path = $2::text
    and not exists (
        select from hidden h
        where
            h.cache = c.cache
            and h.hash = c.output_hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
