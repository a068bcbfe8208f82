-- $1: how many.
select nextval('nar_id_seq') from generate_series(1, $1::int)
