select pg_create_logical_replication_slot(session_user::text, 'pgoutput')
