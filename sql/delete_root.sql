-- $1: id.
delete from root where id = $1
