-- A NAR ($1) that no narinfo names and that has no place: there is nothing of it but this row.
delete from nar n
where
    n.id = $1
    and not exists (select from narinfo_nar w where w.nar = n.id)
    and not exists (select from nar_location l where l.nar = n.id)
