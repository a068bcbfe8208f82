select region_leave()
