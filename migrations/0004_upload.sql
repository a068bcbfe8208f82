-- What uploads by HTTP need. Expected time: milliseconds; nothing that grows is rewritten.

alter table cache
    add column sign_uploads boolean not null default false,
    add column allow_gaps boolean not null default false;

-- A NAR is uploaded before the narinfo that says how it is compressed.
alter table nar alter column compression drop not null;

-- Logs hold any bytes. The table is empty still: nothing has written to it.
alter table companion alter column content type bytea using convert_to(content, 'UTF8');
alter table companion alter column content set compression lz4;

create table upload (
    site smallint not null references site,
    path text not null,
    nar bigint not null,
    uploaded_at timestamptz not null default now(),
    primary key (site, path)
);
create index upload_uploaded_at on upload (site, uploaded_at);
comment on table upload is
    'local: files that were uploaded lately; what no narinfo names when it is old is swept';

create table condemned_nar (
    site smallint not null references site,
    path text not null,
    condemned_at timestamptz not null default now(),
    primary key (site, path)
);
comment on table condemned_nar is
    'local: files of NARs whose rows are gone, until they are off the disk, too';
