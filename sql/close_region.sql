-- Ends what role $1 has connected.
select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = $1 and pid <> pg_backend_pid()
