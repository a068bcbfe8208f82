-- When some path of a cache ($1) is in a hide batch: what changes whenever more may have come to be, and
-- whether rows are being written now. No row when none is.
select
    coalesce((select max(id) from hide_batch), 0) || ' ' || coalesce(max(l.hidden_at)::text, ''),
    coalesce(bool_or(l.state = 'hiding'), false)::int
from plan l
having exists (select from hidden h where h.cache = $1::smallint)
