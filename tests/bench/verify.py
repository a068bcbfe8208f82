"""Before anything is timed: does every server answer rightly? And what its ETags are."""

import http.client

from dataset import BenchError


def verify(server, data):
    """Asks for every hit and miss once, which warms every cache too. path -> ETag, without narinfos
    that come without one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    etags = {}
    for key in data.hits:
        path = f"/{key}.narinfo"
        status, body, etag = ask(connection, "GET", path)
        if status != 200 or body != data.expected(key):
            raise BenchError(f"{server.name}: GET {path}: {status}, {len(body)} bytes, not those imported")
        if etag:
            etags[path] = etag
    for key in data.misses:
        status, _, _ = ask(connection, "GET", f"/{key}.narinfo")
        if status != 404:
            raise BenchError(f"{server.name}: GET of {key}, which isn't there: {status}")
    for key in data.hits[::100]:
        verify_head(server, connection, data, f"/{key}.narinfo", key, etags)
    connection.close()
    return etags


def verify_head(server, connection, data, path, key, etags):
    connection.request("HEAD", path)
    response = connection.getresponse()
    length = response.getheader("Content-Length")
    response.read()
    if response.status != 200 or length != str(len(data.expected(key))):
        raise BenchError(f"{server.name}: HEAD {path}: {response.status}, Content-Length {length}")
    if path in etags:
        status, body, _ = ask(connection, "GET", path, {"If-None-Match": etags[path]})
        if status != 304 or body:
            raise BenchError(f"{server.name}: GET {path} with its ETag: {status}, {len(body)} bytes")


def ask(connection, method, path, headers=None):
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    return response.status, response.read(), response.getheader("ETag")
