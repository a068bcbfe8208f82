-- So that dropping it leaves its slot alone.
alter subscription narthex set (slot_name = none)
