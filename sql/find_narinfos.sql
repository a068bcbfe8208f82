-- The texts of the narinfos asked for, and since when there are; the text is null where the operator
-- has hidden the path.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
-- Each OFFSET 0 keeps its subquery a lookup of one row's key, whatever PostgreSQL believes of the
-- tables: the plan is made once, perhaps when they are nearly empty, and a plan that reads one of
-- them from first to last costs nothing then.
-- The lines added later are few: whoever has none is spared the aggregate and the copy of the text.
select
    u.ord,
    case
        when exists (
            select from hidden h
            where
                h.cache = u.cache
                and h.hash = u.hash
                and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
            offset 0
        ) then null
        when exists (
            select from narinfo_line l where l.cache = u.cache and l.hash = u.hash offset 0
        ) then n.text || (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = u.cache and l.hash = u.hash
        )
        else n.text
    end,
    n.first_seen
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
cross join lateral (
    select text, first_seen from narinfo where cache = u.cache and hash = u.hash offset 0
) n
