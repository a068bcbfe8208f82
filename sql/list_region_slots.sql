-- The slots of a region: its own, and those with which its tables are copied. $1: login.
select slot_name::text
from pg_replication_slots
where
    database = current_database()
    and (slot_name = $1 or active_pid in (select pid from pg_stat_activity where usename = $1))
