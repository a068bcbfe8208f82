select name from region where left_at is not null order by name
