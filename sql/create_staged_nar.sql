-- linked: its narinfo is new, so the NAR row and the link are to be made; else only its location.
create temporary table if not exists staged_nar (
    hash bytea not null,
    linked boolean not null,
    url text not null,
    compression text not null,
    file_hash bytea,
    file_size bigint,
    site smallint,
    path text
) on commit delete rows
