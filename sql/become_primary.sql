-- $1: the new epoch
update instance
set role = 'primary', epoch = $1::bigint, name = '', kind = null, primary_url = null, token = null
