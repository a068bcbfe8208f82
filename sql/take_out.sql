-- What these paths ($3: path ids, int[]) refer to, and so on, within a plan ($1), leaves its hide batch
-- ($2). What isn't in the plan refers to nothing in it, or is among these paths itself
-- (docs/decisions/0007-collecting.md). OFFSET 0: see find_narinfos.
with recursive member (id) as (
    select u.id from unnest($3::int[]) u (id)
    union
    select r.id
    from member m
    cross join lateral (select unnest(g.refs) id from graph g where g.id = m.id offset 0) r
    where exists (select from plan_path x where x.plan = $1::int and x.path = r.id offset 0)
)
delete from hidden
where
    ctid = any(
        array(
            select h.ctid
            from member m
            cross join lateral (select cache, hash from path where id = m.id offset 0) p
            cross join lateral (
                select ctid
                from hidden
                where cache = p.cache and hash = p.hash and batch = $2::int
                offset 0
            ) h
        )
    )
