select current_setting('server_version_num')::int, rolsuper from pg_roles where rolname = current_user
