-- The next path ids of a cache, in their order. $1: cache; $2: after this one; $3: at most so many.
select id from path where cache = $1::smallint and id > $2::int order by id limit $3::int
