-- Two collectors are kept apart, until the session ends.
select pg_try_advisory_lock(28280, 4)
