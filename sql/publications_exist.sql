select exists (select from pg_publication where pubname = 'narthex_serve')
