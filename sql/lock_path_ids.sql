-- Until the end of the transaction. When two publishers draw ids for the same new path, one id is
-- lost: large batches, which share many references, draw theirs one after the other.
select pg_advisory_xact_lock(28280, 3)
