copy nar (id, cache, url, compression, file_hash, file_size) from stdin (format binary)
