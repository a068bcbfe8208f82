select nextval(pg_get_serial_sequence('plan', 'id'))::int
