-- $1: site; $2: at most so many.
select path from condemned_nar where site = $1 order by path limit $2::int
