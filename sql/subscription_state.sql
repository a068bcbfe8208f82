-- How a region's subscription ($1: its name) is: whether it is on, whether its apply worker runs, its
-- errors since it was made, tables whose first copy isn't complete.
select
    s.subenabled,
    exists (
        select from pg_stat_subscription w
        where w.subid = s.oid and w.relid is null and w.pid is not null
    ),
    coalesce(e.apply_error_count + e.sync_error_count, 0),
    (select count(*) from pg_subscription_rel r where r.srsubid = s.oid and r.srsubstate <> 'r')
from pg_subscription s
left join pg_stat_subscription_stats e on e.subid = s.oid
where
    s.subname = $1
    and s.subdbid = (select oid from pg_database where datname = current_database())
