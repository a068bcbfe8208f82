-- Texts up to nearly 8 KB stay in the row: most don't get smaller by compression, and reading one from
-- the TOAST table costs a lookup more. Expected time: milliseconds; rows that are there stay as they
-- are.
alter table narinfo set (toast_tuple_target = 8160);
