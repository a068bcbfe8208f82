-- The invariant of collecting: no row. Served narinfos and their references that aren't served, since
-- they are hidden, or were purged after the narinfo came. What was lacking when it came is a gap that
-- was imported so. For tests: it reads everything; `narthex check` asks find_missing_references.
with served as (
    select n.cache, n.hash, n.first_seen
    from narinfo n
    where
        not exists (
            select from hidden h
            join hide_batch b on b.id = h.batch
            where h.cache = n.cache and h.hash = n.hash and b.active
        )
)
select n.cache, encode(n.hash, 'hex'), encode(r.hash, 'hex')
from served n
join path p on p.cache = n.cache and p.hash = n.hash
join graph g on g.id = p.id
cross join lateral unnest(g.refs) x (id)
join path r on r.id = x.id
where
    r.hash <> n.hash
    and not exists (select from served s where s.cache = r.cache and s.hash = r.hash)
    and (
        exists (select from narinfo h where h.cache = r.cache and h.hash = r.hash)
        or exists (
            select from purged_narinfo z
            where z.cache = r.cache and z.hash = r.hash and z.purged_at > n.first_seen
        )
    )
order by 1, 2, 3
