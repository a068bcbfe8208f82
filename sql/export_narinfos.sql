-- The hash parts of paths, and their narinfos' texts with the lines added later, as find_narinfos
-- has them; null where there is none. $1: cache; $2: path ids, int[]; $3: those that are hidden, too.
-- In the order of $2. OFFSET 0: see find_narinfos.
select p.hash, n.text
from unnest($2::int[]) with ordinality u (id, ord)
cross join lateral (select hash from path where id = u.id offset 0) p
left join lateral (
    select
        case
            when exists (
                select from narinfo_line l where l.cache = m.cache and l.hash = m.hash offset 0
            ) then m.text || (
                select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
                from narinfo_line l
                where l.cache = m.cache and l.hash = m.hash
            )
            else m.text
        end as text
    from narinfo m
    where
        m.cache = $1::smallint
        and m.hash = p.hash
        and (
            $3::boolean
            or not exists (
                select from hidden h
                where
                    h.cache = m.cache
                    and h.hash = m.hash
                    and exists (
                        select from hide_batch b where b.id = h.batch and b.active offset 0
                    )
                offset 0
            )
        )
    offset 0
) n on true
order by u.ord
