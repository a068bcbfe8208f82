-- $1: nar; $2: site; $3: path below its base.
insert into nar_location (nar, site, path) values ($1, $2, $3)
