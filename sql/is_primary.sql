-- Whether this is the primary (1), or a region or a primary that another has replaced (0).
select (role = 'primary')::int from instance
