-- Of a NAR that came before its narinfo. $1: cache; $2: its URL; $3: the compression.
update nar set compression = $3 where cache = $1 and url = $2 and compression is null
