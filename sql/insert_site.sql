insert into site (kind, base) values ($1, $2) on conflict (kind, base) do nothing
