-- What a narinfo didn't say of its NAR's file. $1: nar; $2: SHA-256 of the file, bytea; $3: its size.
update nar
set file_hash = coalesce(file_hash, $2::bytea), file_size = coalesce(file_size, $3)
where id = $1 and (file_hash is null or file_size is null)
