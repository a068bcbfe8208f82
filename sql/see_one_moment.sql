-- All that follows in the transaction sees the same. The first statement of it.
set transaction isolation level repeatable read
