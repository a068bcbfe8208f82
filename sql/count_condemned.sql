select count(*) from condemned_nar
