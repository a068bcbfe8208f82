-- Whoever has answers in memory needs to drop, when a hide batch takes effect or loses it, those of its
-- paths alone. An answer knows the batches its path is in from when it was looked up; so, once all rows
-- of a batch are there, its buckets are announced from the first to the last, and what is looked up
-- again after that knows. Of a batch that wasn't announced to the end, every change drops all answers.
alter table hide_batch
    add column announced smallint not null default 0 check (announced between 0 and 4096);
comment on column hide_batch.announced is 'buckets that were said to have changed since its rows are there';

-- "buckets:<from>:<to>" (not included), "batch:<id>", or the table's name: all that is known. Everything
-- it names is in pg_catalog: the apply worker of a region runs it without a search path.
create function notify_batch_changed() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.announced > old.announced then
        perform pg_notify('narthex_changed', 'buckets:' || old.announced || ':' || new.announced);
    end if;
    if tg_op = 'UPDATE' and new.active = old.active or tg_op = 'INSERT' and not new.active then
        return null;
    end if;
    perform pg_notify(
        'narthex_changed',
        case when tg_op = 'UPDATE' and new.announced = 4096 then 'batch:' || new.id else 'hide_batch' end
    );
    return null;
end
$$;

drop trigger changed on hide_batch;
create trigger changed after insert or update or delete on hide_batch
    for each row execute function notify_batch_changed();
alter table hide_batch enable always trigger changed;
