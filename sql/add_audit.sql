-- $1: who; $2: action; $3: cache, '' for none; $4: subject; $5: reason; $6: details, a JSON object.
insert into audit (who, action, cache, subject, reason, details)
values ($1, $2, nullif($3, '')::smallint, $4, $5, $6::jsonb)
