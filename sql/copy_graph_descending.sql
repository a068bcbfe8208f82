copy (select id, refs from graph order by id desc) to stdout (format binary)
