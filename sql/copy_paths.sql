copy path (id, cache, hash) from stdin (format binary)
