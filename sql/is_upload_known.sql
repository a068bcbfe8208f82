-- Does the database know that file? Uploads of late are few; the rest is only looked through for
-- what a killed server left. $1: site; $2: path below its base.
select
    exists (select from upload where site = $1 and path = $2)
    or exists (select from nar_location where site = $1 and path = $2)
