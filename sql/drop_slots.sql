-- $1: names, text[]. Those that are in use stay.
select pg_drop_replication_slot(slot_name)
from pg_replication_slots
where slot_name::text = any($1::text[]) and not active
