-- $1: cache; $2: hash part, bytea; $3: the line.
insert into narinfo_line (cache, hash, line) values ($1, $2::bytea, $3) on conflict do nothing
