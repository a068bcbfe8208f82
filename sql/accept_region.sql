-- $1: the instance; $2: kind; $3: URL, may be empty; $4: SCRAM verifier; $5: a token's hash
select region_accept($1::uuid, $2, nullif($3, ''), $4, $5::bytea)
