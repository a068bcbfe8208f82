-- A stretch of a cache's hash parts, in order. $1: cache; $2: those after this one, bytea (empty: from
-- the first on); $3: at most so many.
select hash from narinfo where cache = $1 and hash > $2::bytea order by hash limit $3
