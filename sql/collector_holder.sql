-- The session that collects.
select a.application_name, a.usename, extract(epoch from a.backend_start)::bigint
from pg_locks l
join pg_stat_activity a on a.pid = l.pid
where
    l.locktype = 'advisory'
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid = 28280
    and l.objid = 4
    and l.objsubid = 2
    and l.granted
