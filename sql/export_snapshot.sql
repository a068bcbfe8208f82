-- The name under which other connections can see what this transaction sees, until it ends.
select pg_export_snapshot()
