-- A row when some path of a cache ($1) is in a hide batch.
select 1::int4 from hidden where cache = $1::smallint limit 1
