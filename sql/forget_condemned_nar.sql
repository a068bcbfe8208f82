-- Its file is gone. $1: site; $2: path below its base.
delete from condemned_nar where site = $1 and path = $2
