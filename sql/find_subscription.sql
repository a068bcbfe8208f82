-- $1: its name.
select
    s.oid::bigint,
    s.subenabled,
    s.subslotname,
    coalesce(e.apply_error_count + e.sync_error_count, 0),
    exists (select from pg_stat_subscription w where w.subid = s.oid and w.relid is null and w.pid is not null),
    (select system_identifier from pg_control_system())
from pg_subscription s
left join pg_stat_subscription_stats e on e.subid = s.oid
where s.subname = $1 and s.subdbid = (select oid from pg_database where datname = current_database())
