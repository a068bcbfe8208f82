-- Plans that were never hidden and are so old that nobody will; those that somebody uses just now stay. Their
-- paths go by forget_plan_paths. $1: cache; $2: seconds that they are kept.
delete from plan
where id in (
    select id from plan
    where cache = $1 and state = 'planned' and created_at < now() - make_interval(secs => $2::bigint)
    for update skip locked
)
