select id from site where kind = $1 and base = $2
