-- $1: name.
select login, instance::text, joined_at is not null, left_at is not null from region where name = $1
