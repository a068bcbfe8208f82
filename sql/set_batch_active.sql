-- Hides or serves all paths of a hide batch ($1) at once. $2: whether it is in effect.
update hide_batch set active = $2::boolean where id = $1::int
