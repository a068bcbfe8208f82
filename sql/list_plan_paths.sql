-- The next $3 paths of a plan ($1) after path id $2: id, hash part, name, reason, NarSize, FileSize of
-- its NARs, since when (seconds since 1970), how often it was asked for. Of a path that was purged
-- with the plan, what the archive has; null where neither knows. $4: the plan's cache.
-- OFFSET 0: see find_narinfos.
select
    m.path,
    p.hash,
    coalesce(n.name, a.name),
    m.reason,
    coalesce(n.nar_size, a.nar_size),
    (
        select sum(r.file_size)::bigint
        from narinfo_nar l
        cross join lateral (select file_size from nar where id = l.nar offset 0) r
        where l.cache = $4::smallint and l.hash = p.hash
    ),
    extract(epoch from coalesce(n.first_seen, a.first_seen))::bigint,
    coalesce(
        (
            select sum(served + hidden)::bigint
            from request_count
            where cache = $4 and hash = p.hash
        ),
        0
    )
from (
    select path, reason from plan_path where plan = $1::int and path > $2::int order by path limit $3::int
) m
cross join lateral (select hash from path where id = m.path offset 0) p
left join lateral (
    select name, nar_size, first_seen from narinfo where cache = $4 and hash = p.hash offset 0
) n on true
left join lateral (
    select name, nar_size, first_seen
    from purged_narinfo
    where cache = $4 and hash = p.hash and plan = $1
    offset 0
) a on true
order by m.path
