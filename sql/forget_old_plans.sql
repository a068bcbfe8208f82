-- Plans that were never hidden and are so old that nobody will. $1: cache; $2: seconds that they are kept.
with old as (
    delete from plan
    where cache = $1 and state = 'planned' and created_at < now() - make_interval(secs => $2::bigint)
    returning id
)
delete from plan_path using old
where plan_path.plan = old.id
