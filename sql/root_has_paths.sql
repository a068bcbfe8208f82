-- Whether a root's paths are these. $1: id; $2: path ids, int[], in the order of the row.
select paths = $2::int[] from root where id = $1
