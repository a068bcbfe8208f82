-- Alone among those who publish and collect, until the end of the transaction: see lock_publishing.
-- In a statement of its own, so that what follows sees what publishers committed.
select pg_advisory_xact_lock(28280, 2)
