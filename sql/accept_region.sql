-- $1: the instance; $2: system identifier of its PostgreSQL; $3: its subscription, an oid; $4: kind; $5: URL,
-- may be empty; $6: SCRAM verifier; $7: a token's hash
select region_accept($1::uuid, $2::bigint, $3::bigint, $4, nullif($5, ''), $6, $7::bytea)
