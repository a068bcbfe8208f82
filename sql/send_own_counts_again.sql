update own_count set sent = false where sent
