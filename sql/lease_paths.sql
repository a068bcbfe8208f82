-- Leases those of the paths that are served, until $3 hours from now at least; which of them there are,
-- and whether the operator has hidden them.
-- $1: caches, smallint[]; $2: hash parts, bytea[], as many, all distinct: the n-th path is ($1[n], $2[n]).
-- By key, so that concurrent publishers never wait for each other in a circle. OFFSET 0: see
-- find_narinfos.
with asked as materialized (
    select
        u.cache,
        u.hash,
        u.ord,
        exists (
            select from hidden h
            where
                h.cache = u.cache
                and h.hash = u.hash
                and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
            offset 0
        ) as hidden
    from unnest($1::smallint[], $2::bytea[]) with ordinality u (cache, hash, ord)
    where exists (select from narinfo n where n.cache = u.cache and n.hash = u.hash offset 0)
),
leased as (
    insert into lease (cache, hash, until)
    select cache, hash, now() + make_interval(hours => $3::int)
    from asked
    where not hidden
    order by cache, hash
    on conflict (cache, hash) do update
    set until = greatest(lease.until, excluded.until)
)
select ord, hidden from asked
