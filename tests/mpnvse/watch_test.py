"""watch_test.py COMMAND...: `mpnvse watch` answers its own page alone, and only to this machine; it follows a session from
before it begins into the next one."""

import contextlib
import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import unittest

COMMAND = sys.argv[1:]
HEAD = 'ms,event,frames,frame ms\n0,"start: {}"\n0,,,\n'


def data(page):
    """What a page holds of its session."""
    return "".join(re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL))


class Watch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.session = self.folder / "MemoryPoolNVSE.csv"

    def watch(self, target):
        """Starts it; returns when it says where the page is."""
        process = subprocess.Popen([*COMMAND, "watch", str(target)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        line = process.stdout.readline()
        self.assertRegex(line, r"^http://127\.0\.0\.1:\d+/[0-9a-f]{32}/$")
        self.port, self.path = re.match(r"http://[^:]+:(\d+)(.*)", line).groups()

    def ask(self, path=None, method="GET", **headers):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", int(self.port), timeout=60)) as connection:
            connection.putrequest(method, path or self.path, skip_host=True)
            for key, value in {"Host": f"127.0.0.1:{self.port}", **headers}.items():
                if value is not None:
                    connection.putheader(key.replace("_", "-"), value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8"), answer.headers

    def test_answers_nothing_but_its_page_and_nobody_else(self):
        self.session.write_text(HEAD.format("now"))
        self.watch(self.session)
        status, text, headers = self.ask()
        self.assertEqual(status, 200)
        self.assertIn("start: now", data(text))
        self.assertIn("connect-src 'self'", text)
        self.assertEqual(headers["Cache-Control"], "no-store")
        self.assertEqual(headers["Referrer-Policy"], "no-referrer")
        token = self.path.strip("/")
        for path in ("/", "/" + token, f"/{token}/x", f"/{token}/../{token}/x", f"/{'0' * 32}/", f"/{token[:-1]}/", f"/x/{token}/"):
            self.assertEqual(self.ask(path)[:2], (403, ""), path)
        for method in ("POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
            self.assertEqual(self.ask(method=method, Content_Length="0")[:2], (405, ""), method)
        for host in ("evil.example", f"evil.example:{self.port}", f"localhost:{self.port}", "127.0.0.1", "127.0.0.1:1", "", None):
            self.assertEqual(self.ask(Host=host)[:2], (403, ""), host)
        self.assertEqual(self.ask()[0], 200)

    def test_is_reached_at_the_loopback_address_only(self):
        self.session.write_text(HEAD.format("now"))
        self.watch(self.session)
        addresses = {"127.0.0.2", *(entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET))}
        for address in addresses - {"127.0.0.1"}:
            with self.assertRaises(ConnectionRefusedError, msg=address):
                socket.create_connection((address, int(self.port)), timeout=60)

    def test_has_another_address_each_time(self):
        self.session.write_text(HEAD.format("now"))
        self.watch(self.session)
        first = self.path
        self.watch(self.session)
        self.assertNotEqual(self.path, first)

    def test_follows_what_grows_and_begins_anew(self):
        self.watch(self.folder)
        status, text, headers = self.ask()
        self.assertEqual((status, headers["Refresh"], headers["ETag"]), (200, "2", None))
        self.assertIn("Waiting", text)
        self.session.write_text('ms,event,frames\n0,"start:')
        self.assertIsNone(self.ask()[2]["ETag"])
        self.session.write_text(HEAD.format("first"))
        _, text, headers = self.ask()
        self.assertIn("start: first", data(text))
        seen = headers["ETag"]
        self.assertEqual(self.ask(If_None_Match=seen)[:2], (304, ""))
        with self.session.open("a") as file:
            file.write("1000,,61,1000\n2000,,")  # a line that is being written
        status, text, headers = self.ask(If_None_Match=seen)
        self.assertEqual(status, 200)
        self.assertIn("1000,,61,1000\n", data(text))
        self.assertNotIn("\n2000", data(text))
        self.assertNotIn("torn", data(text))
        seen = headers["ETag"]
        # The next session, of the same size.
        size = self.session.stat().st_size
        os.replace(self.session, self.folder / "MemoryPoolNVSE.previous.csv")
        self.assertIsNone(self.ask(If_None_Match=seen)[2]["ETag"])
        self.session.write_text(HEAD.format("again").ljust(size, "3"))
        status, text, _ = self.ask(If_None_Match=seen)
        self.assertEqual(status, 200)
        self.assertIn("start: again", data(text))
        self.assertNotIn("start: first", data(text))

    def test_names_the_functions_of_findings_also_of_later_ones(self):
        finding = '5,"finding: {}; overrun; other.dll+0x1A97; writes; block 0x1; thread 2; frame 3"\n'
        (self.folder / "other.map").write_text("Linker script and memory map\n                0x10000000                __image_base__ ="
                                               " 0x10000000\n                0x10001a80                use\n")
        self.session.write_text(HEAD.format("now") + finding.format(1))
        self.watch(self.session)
        self.assertIn("1; overrun; other.dll+0x1A97 [use+0x17]; writes", data(self.ask()[1]))
        with self.session.open("a") as file:
            file.write(finding.format(2))
        self.assertIn("2; overrun; other.dll+0x1A97 [use+0x17]; writes", data(self.ask()[1]))

    def test_of_nothing_ends_at_once(self):
        done = subprocess.run([*COMMAND, "watch", str(self.folder / "none")], capture_output=True, check=False)
        self.assertEqual(done.returncode, 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
