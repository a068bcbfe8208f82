-- The tags of a cache ($1), and how many paths have each.
select key, value, count(*)
from tag
where cache = $1
group by key, value
order by key, value
