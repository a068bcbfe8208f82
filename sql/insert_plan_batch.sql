-- A hide batch without effect for a plan ($1). Returns its id.
with fresh as (
    insert into hide_batch (active, reason) values (false, 'plan ' || $1::int) returning id
)
update plan set batch = fresh.id from fresh where plan.id = $1 returning fresh.id
