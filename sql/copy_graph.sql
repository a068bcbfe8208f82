copy graph (id, refs) from stdin (format binary)
