"""The servers that are compared: nginx, and narthex with its cache off and on."""

import os
import subprocess
from dataclasses import dataclass, field

from dataset import BenchError, most_files
from processes import Process, children, cpu_seconds, free_port

# Room for every answer that the load asks for.
CACHE_BYTES = 512 * 1024 * 1024

NGINX = """
{user}
worker_processes 1;
worker_rlimit_nofile {files};
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 900; multi_accept on; }}
http {{
    access_log off;
    sendfile off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max={cached} inactive=1h;
    open_file_cache_valid 1h;
    open_file_cache_min_uses 1;
    open_file_cache_errors on;
    types {{ text/x-nix-narinfo narinfo; }}
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {root};
    }}
}}
"""


@dataclass
class Server:
    name: str
    port: int
    process: Process
    others: list = field(default_factory=list)  # process ids of those that work for it

    def cpu(self):
        return cpu_seconds([self.process.pid, *self.others])


def start_nginx(data, stack):
    """One worker, files kept open, no access log. Files this small go faster without sendfile."""
    directory = data.directory / "nginx"
    directory.mkdir(exist_ok=True)
    port = free_port()
    configuration = directory / "nginx.conf"
    configuration.write_text(NGINX.format(
        user="user www-data;" if os.geteuid() == 0 else "", dir=directory, port=port, root=data.sample,
        files=most_files(), cached=len(data.hits) + len(data.misses)))
    command = ["nginx", "-e", directory / "error.log", "-c", configuration, "-g", "daemon off;"]
    process = Process("nginx", command, directory / "out.log")
    stack.callback(process.stop)
    process.wait_until_ready(f"http://127.0.0.1:{port}/{data.hits[0]}.narinfo")
    return Server("nginx", port, process)


def start_narthex(name, data, binary, arguments, stack):
    port = free_port()
    command = [binary, "serve", "--data-dir", data.data_dir, "--listen", f"127.0.0.1:{port}", *arguments]
    process = Process(name, command, data.directory / f"{name.replace(' ', '-')}.log")
    stack.callback(process.stop)
    process.wait_until_ready(f"http://127.0.0.1:{port}/readyz")
    return Server(name, port, process, [postmaster(data)])


def start_all(data, binary, extra, stack):
    """nginx, and narthex as often as its options allow; all run at the same time, one is asked."""
    servers = [start_nginx(data, stack)]
    help_ = subprocess.run([binary, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    if "--cache-bytes" not in help_:
        return servers + [start_narthex("cache off", data, binary, extra, stack)]
    for name, size in (("cache off", 0), ("cache on", CACHE_BYTES)):
        arguments = ["--cache-bytes", size, *extra]
        servers.append(start_narthex(name, data, binary, arguments, stack))
    return servers


def postmaster(data):
    """narthex's own PostgreSQL: its process id. Connections are its children."""
    first_line = (data.data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
    pid = int(first_line)
    if not children(pid):
        raise BenchError(f"PostgreSQL ({pid}) has no processes")
    return pid
