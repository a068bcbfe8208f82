select id::text, role, epoch, name, kind, url, primary_url, replaced_by, token from instance
