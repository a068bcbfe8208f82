create temporary table if not exists staged_narinfo (
    ord int not null,
    hash bytea not null,
    name text not null,
    text text not null,
    nar_hash bytea not null,
    nar_size bigint not null,
    deriver text,
    ca text,
    system text
) on commit delete rows
