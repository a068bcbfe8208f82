-- $1: how many. Behind lock_path_ids, so that they follow each other.
select nextval('path_id')::int from generate_series(1, $1::int)
