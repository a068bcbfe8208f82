-- What of the paths asked for a region may go on serving: those that are served (0, without a text), hidden
-- (1) or were purged within $3 days (2); of the latter the last text that there was.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many: the n-th path is ($1[n], $2[n]).
-- OFFSET 0: see find_narinfos.
select u.ord, k.state, k.text
from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
cross join lateral (
    select
        x.hidden::int as state,
        case when x.hidden then
            n.text || coalesce(
                (
                    select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
                    from narinfo_line l
                    where l.cache = u.cache and l.hash = u.hash
                ),
                ''
            )
        end as text
    from (select text from narinfo where cache = u.cache and hash = u.hash offset 0) n
    cross join lateral (
        select
            exists (
                select from hidden h
                where
                    h.cache = u.cache
                    and h.hash = u.hash
                    and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
                offset 0
            ) as hidden
        offset 0
    ) x
    union all
    select 2, z.text
    from (
        select text, purged_at
        from purged_narinfo
        where cache = u.cache and hash = u.hash
        order by purged_at desc
        limit 1
    ) z
    where
        z.purged_at > now() - make_interval(days => $3::int)
        and not exists (select from narinfo n where n.cache = u.cache and n.hash = u.hash offset 0)
) k
