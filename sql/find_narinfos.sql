-- The texts of the narinfos asked for, and since when there are; the text is null where the operator
-- has hidden the path. Last, the hide batches the path is in, whether they have an effect or not: a bit
-- each, of 64 that their ids share; null where there is none.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
-- Each OFFSET 0 keeps its subquery a lookup of one row's key, whatever PostgreSQL believes of the
-- tables: the plan is made once, perhaps when they are nearly empty, and a plan that reads one of
-- them from first to last costs nothing then.
-- The lines added later are few: whoever has none is spared the aggregate and the copy of the text. So
-- are the paths in hide batches.
select
    u.ord,
    case
        when
            in_batch.yes
            and exists (
                select from hidden h
                where
                    h.cache = u.cache
                    and h.hash = u.hash
                    and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
                offset 0
            )
            then null
        when exists (
            select from narinfo_line l where l.cache = u.cache and l.hash = u.hash offset 0
        ) then n.text || (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = u.cache and l.hash = u.hash
        )
        else n.text
    end,
    n.first_seen,
    case
        when in_batch.yes then (
            select bit_or(1::bigint << (h.batch % 64))
            from hidden h
            where h.cache = u.cache and h.hash = u.hash
        )
    end
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
cross join lateral (
    select text, first_seen from narinfo where cache = u.cache and hash = u.hash offset 0
) n
cross join lateral (
    select exists (select from hidden where cache = u.cache and hash = u.hash offset 0) as yes offset 0
) in_batch
