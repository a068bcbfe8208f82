-- A listener's own: hearing it proves that it hears everything. $1: ping:<which listener>:<number>.
select pg_notify('narthex_changed', $1)
