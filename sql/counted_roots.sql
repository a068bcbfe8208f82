-- The roots that counted when a plan ($1) was made.
select unnest(roots) from plan where id = $1::int order by 1
