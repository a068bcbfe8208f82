-- Rows of a plan's next paths. $1: plan; $2: hide batch; $3: after this path id; $4: at most so many.
-- Returns how many paths were looked at, how many rows were written, and the last path id.
-- OFFSET 0: see find_narinfos.
with chunk as (
    select path from plan_path where plan = $1::int and path > $3::int order by path limit $4::int
),
written as (
    insert into hidden (cache, hash, batch)
    select p.cache, p.hash, $2::int
    from chunk c
    cross join lateral (select cache, hash from path where id = c.path offset 0) p
    where exists (select from narinfo n where n.cache = p.cache and n.hash = p.hash offset 0)
    order by p.hash
    on conflict do nothing
    returning 1
)
select (select count(*) from chunk), (select count(*) from written), (select coalesce(max(path), 0) from chunk)
