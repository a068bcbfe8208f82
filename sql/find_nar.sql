-- A NAR of a cache and whether its bytes are anywhere. $1: cache; $2: its URL, as nar_path has it.
select
    n.id,
    encode(n.file_hash, 'hex'),
    n.file_size,
    exists (select from nar_location l where l.nar = n.id offset 0)
from nar n
where n.cache = $1 and n.url = $2
