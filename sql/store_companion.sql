-- $1: cache; $2: path; $3: kind; $4: hash part of its output, bytea, "" for none; $5: content, bytea.
-- A later one replaces what is there, unless it belongs to another output: no row then.
insert into companion (cache, path, kind, output_hash, content)
values ($1, $2, $3, nullif($4::text, '')::bytea, $5::bytea)
on conflict (cache, path) do update
set content = excluded.content, added_at = now()
where companion.output_hash is not distinct from excluded.output_hash
returning xmax = 0
