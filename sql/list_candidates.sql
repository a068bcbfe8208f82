-- A cache's narinfos, in any order: path id, hash part, name, NarSize, since when (seconds since
-- 1970), whether it is hidden. $1: cache. One reading of the table.
select
    p.id,
    n.hash,
    n.name,
    n.nar_size,
    extract(epoch from n.first_seen)::bigint,
    h.hash is not null
from narinfo n
join path p on p.cache = n.cache and p.hash = n.hash
left join (
    select distinct i.hash
    from hidden i
    join hide_batch b on b.id = i.batch
    where i.cache = $1::smallint and b.active
) h on h.hash = n.hash
where n.cache = $1
