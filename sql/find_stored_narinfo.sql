-- A narinfo as it is served, hidden or not, and whether it is. $1: cache; $2: hash part, bytea.
-- OFFSET 0: see find_narinfos.
select
    n.text || coalesce(
        (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = $1 and l.hash = n.hash
        ),
        ''
    ),
    exists (
        select from hidden h
        where
            h.cache = $1
            and h.hash = n.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
from narinfo n
where n.cache = $1 and n.hash = $2::bytea
