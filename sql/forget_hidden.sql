-- Rows of a hide batch ($1) without effect, at most $2.
delete from hidden
where ctid = any(array(select ctid from hidden where batch = $1::int limit $2::int))
