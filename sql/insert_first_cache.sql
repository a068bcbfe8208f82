insert into cache (name, store_dir) values ('default', '/nix/store')
