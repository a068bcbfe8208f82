-- As a change of a cache does.
select pg_notify('narthex_changed', 'cache')
