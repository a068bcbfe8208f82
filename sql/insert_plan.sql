-- Its snapshot is the transaction's. $1: id; $2: cache; $3: who; $4: engine; $5: policy, jsonb;
-- $6: roots that counted, int[]; $7: summary, jsonb.
insert into plan (id, cache, created_by, engine, policy, roots, summary)
values ($1, $2, $3, $4, $5::jsonb, $6::int[], $7::jsonb)
