-- How far the copy of each table is, of subscription $1 (an oid): i: not begun, d: under way, f: done, s:
-- its changes since then, too, r: it follows.
select r.srrelid::regclass::text, r.srsubstate, coalesce(p.tuples_processed, 0)
from pg_subscription_rel r
left join pg_stat_progress_copy p on p.relid = r.srrelid and p.datname = current_database()
where r.srsubid = $1::bigint::oid
order by 1
