-- Paths of a hide batch, in order. $1: cache; $2: batch; $3: those after this one, bytea (empty: from
-- the first on); $4: at most so many.
select hash
from hidden
where cache = $1::smallint and batch = $2::int and hash > $3::bytea
order by hash
limit $4::int
