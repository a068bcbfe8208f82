-- Regions that don't have everything yet that was written until $1 (pg_lsn), and how far they are behind.
select slot_name, pg_wal_lsn_diff($1::text::pg_lsn, confirmed_flush_lsn)::bigint
from pg_replication_slots
where
    slot_type = 'logical'
    and not temporary
    and database = current_database()
    and confirmed_flush_lsn < $1::text::pg_lsn
order by slot_name
