-- $1: id.
delete from channel where id = $1
