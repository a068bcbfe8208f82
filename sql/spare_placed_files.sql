-- NARs have come to be in condemned files again, by an import: the files stay.
delete from condemned_nar c
using nar_location l
where l.path = c.path and l.site = c.site
