-- What is known of a path: its id, the name of its narinfo, whether it is hidden; the last plan that
-- has it, how far that has come, and why it has it; when it was last purged, and its name then.
-- $1: cache; $2: hash part, bytea. Times are seconds since 1970. OFFSET 0: see find_narinfos.
select
    p.id,
    n.name,
    exists (
        select from hidden h
        where
            h.cache = $1::smallint
            and h.hash = $2::bytea
            and exists (select from hide_batch b where b.id = h.batch and b.active offset 0)
        offset 0
    ),
    l.id,
    l.state,
    l.reason,
    extract(epoch from l.hidden_at)::bigint,
    extract(epoch from a.purged_at)::bigint,
    a.name
from path p
left join narinfo n on n.cache = p.cache and n.hash = p.hash
left join lateral (
    select i.id, i.state, i.hidden_at, m.reason
    from plan i
    cross join lateral (
        select reason from plan_path where plan = i.id and path = p.id offset 0
    ) m
    where i.cache = $1
    order by i.id desc
    limit 1
) l on true
left join lateral (
    select purged_at, name
    from purged_narinfo
    where cache = $1 and hash = $2
    order by purged_at desc
    limit 1
) a on true
where p.cache = $1 and p.hash = $2
