-- The hide batch of a plan ($1); null when it has none.
select batch from plan where id = $1::int for update
