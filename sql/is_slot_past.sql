-- Whether a region has all that was written until $1 (pg_lsn).
select confirmed_flush_lsn >= $1::text::pg_lsn from pg_replication_slots where slot_name = session_user
