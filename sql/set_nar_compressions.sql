-- Of NARs that came before their narinfos. $1: nars, bigint[]; $2: the compression of each, text[].
-- By the rows' places in the table, so that no plan joins all NARs. OFFSET 0: see find_narinfos.
update nar
set compression = u.compression
from (
    select n.place, x.compression
    from unnest($1::bigint[], $2::text[]) x (id, compression)
    cross join lateral (
        select ctid as place from nar where id = x.id and compression is null offset 0
    ) n
) u
where nar.ctid = u.place
