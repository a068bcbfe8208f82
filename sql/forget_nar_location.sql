-- $1: NAR; $2: site
delete from nar_location where nar = $1 and site = $2
