-- Of whoever is promoted: past what this instance and its primary have had.
select greatest(epoch, (select max(h.epoch) from heartbeat h)) + 1 from instance
