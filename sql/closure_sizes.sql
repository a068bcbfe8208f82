-- What a path needs, itself included: paths, of those without a narinfo, NarSize and FileSize of all
-- (a NAR that several have counts once). $1: cache; $2: hash part, bytea. OFFSET 0: see find_narinfos.
with recursive member (id) as (
    select id from path where cache = $1::smallint and hash = $2::bytea
    union
    select r.id
    from member m
    cross join lateral (select unnest(g.refs) id from graph g where g.id = m.id offset 0) r
),
needed as (
    select p.hash, n.nar_size
    from member m
    cross join lateral (select hash from path where id = m.id offset 0) p
    left join lateral (
        select nar_size from narinfo where cache = $1 and hash = p.hash offset 0
    ) n on true
)
select
    count(*),
    count(*) filter (where nar_size is null),
    coalesce(sum(nar_size), 0)::bigint,
    (
        select coalesce(sum(a.file_size), 0)::bigint
        from (
            select distinct l.nar
            from needed d
            cross join lateral (
                select nar from narinfo_nar where cache = $1 and hash = d.hash offset 0
            ) l
        ) u
        cross join lateral (select file_size from nar where id = u.nar offset 0) a
    )
from needed
