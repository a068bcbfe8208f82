select count(*) from own_count where not sent
