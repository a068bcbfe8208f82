-- $1: the new epoch; $2: what replaces it.
select region_fence($1::bigint, $2)::text
