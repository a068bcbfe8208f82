-- $1: the epoch of what replaced this primary, $2: its URL.
update instance
set role = 'fenced', epoch = $1::bigint, replaced_by = $2, fenced_by = null
where role = 'primary' and epoch < $1::bigint
