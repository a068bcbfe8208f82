-- The texts of the narinfos that are served, of those asked for.
-- $1: cache; $2: distinct hash parts, bytea[].
-- Each OFFSET 0 keeps its subquery a lookup of one row's key, whatever PostgreSQL believes of the
-- tables: the plan is made once, perhaps when they are nearly empty, and a plan that reads one of
-- them from first to last costs nothing then.
select
    n.hash,
    n.text || coalesce(
        (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = $1 and l.hash = n.hash
        ),
        ''
    )
from unnest($2::bytea[]) u (hash)
cross join lateral (select hash, text from narinfo where cache = $1 and hash = u.hash offset 0) n
where
    not exists (
        select from hidden h
        where
            h.cache = $1
            and h.hash = u.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    )
