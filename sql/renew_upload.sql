-- It was uploaded again: the sweep waits anew. $1: nar. OFFSET 0: see find_narinfos.
update upload u
set uploaded_at = now()
from (select site, path from nar_location where nar = $1 offset 0) l
where u.site = l.site and u.path = l.path
