update instance set role = 'region' where role = 'joining'
