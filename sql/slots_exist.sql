-- $1: names, text[].
select exists (select from pg_replication_slots where slot_name::text = any($1::text[]))
