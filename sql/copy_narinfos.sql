copy narinfo (cache, hash, name, text, nar_hash, nar_size, deriver, ca, system)
from stdin (format binary)
