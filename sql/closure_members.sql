-- All paths that a path needs, itself included, each with how long its text is as find_narinfos has
-- it; null for one that isn't served: hidden, or named as a reference only.
-- $1: cache; $2: hash part; $3: at most so many rows. Ordered by id: nearly always references first.
-- A LIMIT on what is read of a recursive query ends the recursion, so that a closure past it costs no
-- more than $3 paths. OFFSET 0: see find_narinfos.
with recursive member (id) as (
    select id from path where cache = $1::smallint and hash = $2::bytea
    union
    select r.id
    from member m
    cross join lateral (select unnest(g.refs) id from graph g where g.id = m.id offset 0) r
)
select
    p.hash,
    (
        select octet_length(n.text)
        from narinfo n
        where
            n.cache = $1
            and n.hash = p.hash
            and not exists (
                select from hidden h
                where
                    h.cache = $1
                    and h.hash = p.hash
                    and exists (
                        select from hide_batch b where b.id = h.batch and b.active offset 0
                    )
                offset 0
            )
        offset 0
    )
    + coalesce(
        (
            select sum(octet_length(l.line) + 1)
            from narinfo_line l
            where l.cache = $1 and l.hash = p.hash
        ),
        0
    )
from (select id from member limit $3::int) m
cross join lateral (select hash from path where id = m.id offset 0) p
order by m.id
