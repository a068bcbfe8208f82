-- Paths of plans that were forgotten, $1 at most, whichever nobody else is deleting. From one plan's id to the
-- next by the index: the table may be large.
with recursive ids (plan) as (
    (select plan from plan_path order by plan limit 1)
    union all
    select (select p.plan from plan_path p where p.plan > ids.plan order by p.plan limit 1)
    from ids
    where ids.plan is not null
), old as (
    select p.plan, p.path
    from ids
    join plan_path p on p.plan = ids.plan
    where not exists (select from plan where plan.id = ids.plan)
    limit $1::int
    for update of p skip locked
)
delete from plan_path p
using old
where p.plan = old.plan and p.path = old.path
