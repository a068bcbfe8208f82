-- Takes paths out of all hide batches. $1: cache; $2: hash parts, bytea[], in order, so that nobody
-- waits for another in a circle. Returns each path once, and whether an active batch hid it.
-- By the rows' places in the table, so that no plan reads all of a cache. OFFSET 0: see
-- find_narinfos.
with gone as (
    delete from hidden h
    using (
        select f.place
        from unnest($2::bytea[]) u (hash)
        cross join lateral (
            select ctid as place from hidden where cache = $1::smallint and hash = u.hash offset 0
        ) f
    ) wanted
    where h.ctid = wanted.place
    returning h.hash, h.batch
)
select g.hash, bool_or(exists (select from hide_batch b where b.id = g.batch and b.active offset 0))
from gone g
group by g.hash
order by g.hash
