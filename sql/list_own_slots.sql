-- Asked by a region: its slot, and those with which its tables are copied, of subscription $1 (an oid) in the
-- PostgreSQL of system identifier $2. Another region's may have the same oid.
select slot_name::text
from pg_replication_slots
where slot_name = session_user or slot_name like 'pg\_' || $1::text || '\_sync\_%\_' || $2::text
