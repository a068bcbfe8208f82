-- How many paths a hide batch ($1) has left.
select count(*) from hidden where batch = $1::int
