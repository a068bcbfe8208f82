-- The path is served again, whatever batches it is in. $1: cache; $2: hash part, bytea.
delete from hidden where cache = $1 and hash = $2::bytea
