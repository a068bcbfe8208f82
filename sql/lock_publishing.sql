-- Publishers share this lock, in a statement of its own before they read: the collector takes it
-- alone for the milliseconds in which it changes what is served.
select pg_advisory_xact_lock_shared(28280, 2)
