-- Asked by a region: its slot, and those with which its tables are copied, of subscription $1 (an oid).
select slot_name::text
from pg_replication_slots
where slot_name = session_user or slot_name like 'pg\_' || $1::text || '\_sync\_%'
