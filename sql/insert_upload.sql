-- $1: nar; $2: site; $3: path below its base.
insert into upload (nar, site, path) values ($1, $2, $3)
