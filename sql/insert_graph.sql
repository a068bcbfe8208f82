-- $1: path ids, int[]; $2: what each refers to, as texts of int[].
insert into graph (id, refs)
select u.id, u.refs::int[]
from unnest($1::int[], $2::text[]) u (id, refs)
