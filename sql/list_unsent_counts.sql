-- $1 at most, the oldest days first.
select cache, hash, day - date '1970-01-01', served, hidden
from own_count
where not sent
order by day
limit $1::int
