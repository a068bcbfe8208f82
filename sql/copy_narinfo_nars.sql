copy narinfo_nar (cache, hash, nar) from stdin (format binary)
