#!/usr/bin/env python3
"""The access log: none by default; where it is wanted, one line for each request, which nothing that
a client sends can split or feign."""

import re
import unittest

import samples
import support
from raw_http import guix_get, pipelined
from support import Connection, get

LINE = re.compile(r'time=\S+ level=info event=request client=127\.0\.0\.1 target="([^"]*)" '
                  r'status=(\d+) us=\d+ agent="([^"]*)"')


def requests_in(server):
    """(target, status, agent) of each line of the stopped server's access log."""
    lines = [line for line in server.log().splitlines() if "event=request" in line]
    return [LINE.fullmatch(line).groups() for line in lines]


class AccessLog(unittest.TestCase):
    def serve(self, *args):
        server = support.Server(*args)
        self.addCleanup(server.kill)
        return server.start()

    def test_there_is_none_by_default(self):
        server = self.serve()
        get(server.port, samples.target("absent"))
        get(server.port, "/nowhere")
        server.stop()
        self.assertIn("event=listening", server.log())
        self.assertEqual(requests_in(server), [])
        self.assertNotIn("nowhere", server.log())

    def test_each_request_has_a_line(self):
        server = self.serve("--access-log")
        targets = ["/nix-cache-info", samples.target("absent"), "/nowhere?query=1"] * 100
        answers = pipelined(server.port, [guix_get(target, server.port) for target in targets])
        get(server.port, "/", "HEAD", ["User-Agent: the-last"])
        server.stop()
        logged = [line for line in requests_in(server) if line[0] != "/readyz"]  # Server.start()
        expected = [(target, str(answer.status), "GNU Guile")
                    for target, answer in zip(targets, answers)]
        self.assertEqual(logged, expected + [("/", "200", "the-last")])

    def test_what_a_client_sends_stays_one_quoted_word(self):
        server = self.serve("--access-log")
        with Connection(server.port) as connection:
            for target in ('/a"b\\c', '/x" event=request status=200', "/%0a%0D%00%22event=request",
                           "/nar/\u00fc"):
                connection.send(f"GET {target.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\n"
                                'User-Agent: a"b\\c\tevent=request\r\n\r\n'.encode())
                connection.read_response()
        server.stop()
        agent = "a\\x22b\\x5cc\\x09event=request"
        logged = [line for line in requests_in(server) if line[0] != "/readyz"]
        self.assertEqual(logged, [
            ("/a\\x22b\\x5cc", "404", agent),
            ("/x\\x22%20event=request%20status=200", "404", agent),
            ("/%0a%0D%00%22event=request", "404", agent),
            ("/nar/\\xc3\\xbc", "404", agent),
        ])

    def test_a_password_in_a_target_is_left_out(self):
        server = self.serve("--access-log")
        with Connection(server.port) as connection:
            connection.send(b"GET http://me:geheim@host/x?y=a@b HTTP/1.1\r\nHost: host\r\n\r\n")
            connection.read_response()
        server.stop()
        self.assertIn('target="http://host/x?y=a@b"', server.log())
        self.assertNotIn("geheim", server.log())


if __name__ == "__main__":
    support.main()
