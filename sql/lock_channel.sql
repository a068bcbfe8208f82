-- A channel as in list_channels; until the end of the transaction nobody else changes it or bumps it.
-- $1: cache; $2: name.
select id, name, status, keep_last, extract(epoch from max_age)::bigint
from channel
where cache = $1 and name = $2
for update
