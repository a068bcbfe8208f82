-- Whether there is any.
select exists (select from nar)
