-- $1: kind; $2: cache; $3: hide batch.
insert into change (kind, cache, batch) values ($1, $2, $3)
