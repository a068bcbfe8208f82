-- No region any more, but a primary that nobody has published to.
update instance
set role = 'primary', name = '', kind = null, primary_url = null, token = null, replaced_by = null, epoch = 1
