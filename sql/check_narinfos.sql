-- Narinfos as they are served and what other tables say of them.
-- $1: cache; $2: hash parts, bytea[]. refs: the hash parts of the graph's references, joined, in
-- their order; null without a row. OFFSET 0: see find_narinfos.
select
    n.hash,
    n.name,
    n.text || coalesce(
        (
            select string_agg(l.line || e'\n', '' order by l.added_at, l.line)
            from narinfo_line l
            where l.cache = $1 and l.hash = u.hash
        ),
        ''
    ),
    n.nar_hash,
    n.nar_size,
    exists (
        select from hidden h
        where
            h.cache = $1
            and h.hash = u.hash
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    ),
    g.refs
from unnest($2::bytea[]) u (hash)
cross join lateral (
    select hash, name, text, nar_hash, nar_size
    from narinfo
    where cache = $1 and hash = u.hash
    offset 0
) n
left join lateral (
    select
        coalesce(
            (
                select string_agg(r.hash, ''::bytea order by x.ord)
                from unnest(row.refs) with ordinality x (id, ord)
                cross join lateral (select hash from path where id = x.id offset 0) r
            ),
            ''::bytea
        ) as refs
    from (select id from path where cache = $1 and hash = u.hash offset 0) p
    cross join lateral (select refs from graph where id = p.id offset 0) row
) g on true
