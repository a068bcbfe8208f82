update instance set url = $1
