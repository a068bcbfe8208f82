-- $1 at most, whichever other servers aren't deleting.
delete from lease l
using (
    select cache, hash from lease
    where until < now()
    limit $1
    for update skip locked
) ended
where l.cache = ended.cache and l.hash = ended.hash and l.until < now()
returning 1
