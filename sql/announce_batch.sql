-- Says of a hide batch ($1) that the buckets of its paths have changed, up to $2 (not included); 0: none
-- is said to any more. Without effect on what is served.
update hide_batch set announced = $2::int where id = $1::int
