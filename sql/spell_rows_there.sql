-- A statement that names the replicated tables in which there are rows, but for the cache that every
-- database is made with.
select string_agg(
    format('select %L where exists (select from %s)', relname, oid::regclass), ' union all ' order by relname
)
from pg_class
where
    relkind = 'r'
    and relnamespace = 'public'::regnamespace
    and obj_description(oid, 'pg_class') ~ '^(serve|full):'
    and relname not in ('cache', 'heartbeat')
