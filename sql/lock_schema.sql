-- One migration at a time. The number is narthex's own: "nx" and what is locked.
select pg_advisory_xact_lock(28280, 1)
