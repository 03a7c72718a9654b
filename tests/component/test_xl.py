#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The real xl-sweep and xl-memory against a daemon that is not one.

A server made for each test listens on a socket in a directory of its own and
plays what a daemon may do: answer well, answer badly, break off, stay away.
XK_BUILDDIR is where the programs are, XK_SRCDIR the top of the sources.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import xml.etree.ElementTree

SRCDIR = os.environ.get("XK_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILDDIR = os.environ.get("XK_BUILDDIR") or SRCDIR
LINE_MAX = 65536
WAIT = 20

STATE = {"size_kib": 2097152, "overcommitted_kib": 0, "pod_entries_kib": 0,
         "pod_cache_kib": 0, "ballooned_kib": 0, "host_free_kib": 524288}

SWEEP = {
    "domid": 3, "name": "web", "dry_run": False, "scanned_pages": 524288,
    "zero_super": 86, "zero_regular": 210, "committed_super": 80,
    "committed_regular": 128, "skipped": {"granted": 3, "changed": 4},
    "pauses": {"count": 40, "longest_us": 1130, "total_us": 45000,
               "over_budget": 0},
    "before": STATE,
    "after": dict(STATE, size_kib=1572864, ballooned_kib=524288,
                  pod_entries_kib=164352, pod_cache_kib=164352,
                  host_free_kib=1048576),
    "returned_kib": 524288,
    "balloon": {"asked_kib": 524288, "moved_kib": 524288,
                "super_kib": 522240, "duration_us": 77000},
    "duration_us": 1240000,
}

DOMAIN = {
    "domid": 3, "name": "web", "type": "pvh", "size_kib": 1572864,
    "target_kib": 1572864, "max_kib": 2097152, "pod_entries_kib": 0,
    "pod_cache_kib": 0, "overcommitted_kib": 0, "swept_kib": 172544,
    "ballooned_kib": 524288, "limit_kib": 1048576, "frontend": "connected",
    "busy": False, "note": "",
}

MEMORY = {
    "host": {"total_kib": 4194304, "free_kib": 1048576},
    "domains": [
        DOMAIN,
        dict(DOMAIN, domid=12, name="old", type="pv", frontend="absent",
             busy=True, note="a PV guest cannot be swept"),
    ],
}

STATES = ("unknown", "intact", "shattered", "pod", "ballooned", "hole")


def map_of(runs, cell=1, **more):
    """An answer to "map": runs of [cell, count], totals to match."""
    totals = dict.fromkeys(STATES, 0)
    cells = 0
    for what, count in runs:
        cells += count
        mix = what if isinstance(what, list) else [
            cell if state == what else 0 for state in range(len(STATES))]
        for state, n in zip(STATES, mix):
            totals[state] += n * count * 2048
    return dict({
        "domid": 3, "name": "web", "origin": "built", "size_kib": 524288,
        "pod_entries_kib": 102400, "pod_cache_kib": 104448,
        "ranges": cells * cell, "cell_ranges": cell,
        "totals": {state + "_kib": n for state, n in totals.items()},
        "runs": [list(run) for run in runs]}, **more)


MAP = map_of([(2, 1), (1, 63), (3, 50), (4, 10), (0, 4)])


RECOALESCE = {
    "domid": 3, "name": "web", "ranges": 256, "recovered": 200, "busy": 8,
    "pinned": 42, "refused": 2, "skipped": 4, "duration_us": 2400000,
}


BALANCE = {"balancer": True, "note": "", "interval_ms": 1000,
           "host_free_kib": 524288, "host_reserve_kib": 262144}

PLANNED = {
    "domid": 3, "name": "web", "size_kib": 524288, "target_kib": 589824,
    "reason": "short-gets", "word_age_ms": 1200, "available_kib": 10240,
    "wanted_kib": 131072, "stall_permille": 125, "overcommitted_kib": 0,
}

PLAN = dict(BALANCE, domains=[
    PLANNED,
    dict(PLANNED, domid=12, name="old", target_kib=524288, reason="silent",
         word_age_ms=None, available_kib=0, wanted_kib=0, stall_permille=0),
])

BOUND = {
    "domid": 3, "name": "web", "size_kib": 524288, "min_kib": 262144,
    "min_from": "default", "max_kib": 2097152, "max_from": "maximum",
    "weight": 200, "weight_from": "configuration", "pace_kib": 65536,
    "pace_from": "default", "overcommit_kib": 0,
}

POLICY = dict(BALANCE, domains=[BOUND])


def line(obj):
    return json.dumps(obj).encode() + b"\n"


def result(obj, ident=1):
    return line({"jsonrpc": "2.0", "id": ident, "result": obj})


def error(code, message, ident=1):
    return line({"jsonrpc": "2.0", "id": ident,
                 "error": {"code": code, "message": message}})


def progress(done, total, **other):
    params = dict({"id": 1, "phase": "scan", "done": done, "total": total},
                  **other)
    return line({"jsonrpc": "2.0", "method": "progress", "params": params})


class Server:
    """Takes one connection, reads one request, then plays its script: bytes
    to send, or a function that is called with the connection. Of several
    scripts each is for a connection of its own."""

    def __init__(self, path, *scripts):
        self.scripts = scripts
        self.request = None
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(path)
        self.sock.listen(4)
        self.sock.settimeout(WAIT)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for script in self.scripts:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.play(conn, script)

    def play(self, conn, script):
        with conn:
            conn.settimeout(WAIT)
            try:
                with conn.makefile("rb") as reader:
                    self.request = json.loads(reader.readline(LINE_MAX))
                for step in script:
                    if callable(step):
                        step(conn)
                    else:
                        conn.sendall(step)
            except OSError:
                pass        # the command left first, as some tests want it to

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)    # wakes accept()
        except OSError:
            pass
        self.sock.close()
        self.thread.join(WAIT)


class XlTest(unittest.TestCase):
    def setUp(self):
        tmp = tempfile.TemporaryDirectory()
        self.addCleanup(tmp.cleanup)
        self.dir = tmp.name
        self.path = os.path.join(tmp.name, "memoryd.sock")
        self.env = dict(os.environ, XENKEEP_RUN_DIR=tmp.name, LC_ALL="C")

    def serve(self, *script):
        server = Server(self.path, script)
        self.addCleanup(server.close)
        return server

    def serve_each(self, *answers):
        server = Server(self.path, *([answer] for answer in answers))
        self.addCleanup(server.close)
        return server

    def program(self, args):
        return [os.path.join(BUILDDIR, args[0])] + list(args[1:])

    def run_xl(self, *args, **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        done = subprocess.run(self.program(args), env=self.env, timeout=WAIT,
                              stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, **kwargs)
        self.assertGreaterEqual(done.returncode, 0, "died of a signal")
        for stream in (done.stdout or b"", done.stderr):
            self.assertRegex(stream, rb"\A[\n\x20-\x7e]*\Z",
                             "a raw byte reached the terminal")
        return (done.returncode, (done.stdout or b"").decode(),
                done.stderr.decode())

    def assert_fails(self, code, pattern, *args):
        """One clear line on standard error, nothing on standard output."""
        got, out, err = self.run_xl(*args)
        self.assertEqual((got, out), (code, ""), err)
        self.assertRegex(err, r"\A%s(?: [a-z]+)?: [^\n]*%s[^\n]*\n\Z" %
                         (args[0], pattern))
        return err

    def assert_verb_fails(self, code, pattern, verb, *args):
        got, out, err = self.run_xl("xl-memory", verb, *args)
        self.assertEqual((got, out), (code, ""), err)
        self.assertRegex(err, r"\Axl-memory %s: [^\n]*%s[^\n]*\n\Z" %
                         (verb, pattern))


class Recoalesce(XlTest):
    def test_request(self):
        server = self.serve(progress(1, 4, phase="recover"),
                            result(RECOALESCE))
        code, out, err = self.run_xl("xl-memory", "recoalesce", "web")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request, {
            "jsonrpc": "2.0", "id": 1, "method": "recoalesce",
            "params": {"domain": "web"}})
        for text in ("web (domain 3): recovered 400.0 MiB in 2.4 s",
                     "ranges          256  of 2 MiB looked at",
                     "recovered       200  one piece now",
                     "busy              8  in use, could not be moved now",
                     "pinned           42  in use by the guest's kernel, never "
                     "moved",
                     "95.2 % of what the guest can move is whole now.",
                     "refused           2  the host had no 2 MiB in one piece",
                     "skipped           4  whole already, or part of the "
                     "balloon"):
            self.assertIn(text + "\n", out)

    def test_json(self):
        self.serve(result(RECOALESCE))
        code, out, _ = self.run_xl("xl-memory", "recoalesce", "3", "--json")
        self.assertEqual((code, json.loads(out)), (0, RECOALESCE))

    def test_refused(self):
        self.serve(error(-32001, "web: not now: it is paused"))
        self.assert_fails(1, "it is paused", "xl-memory", "recoalesce", "web")

    def test_unsound_fields(self):
        for field in RECOALESCE:
            short = {k: v for k, v in RECOALESCE.items() if k != field}
            for obj in (short, dict(RECOALESCE, **{field: None})):
                with self.subTest(field):
                    server = self.serve(result(obj))
                    self.assert_fails(1, 'has no sound "%s"' % field,
                                      "xl-memory", "recoalesce", "web")
                    server.close()
                    os.unlink(self.path)

    def test_bad_usage(self):
        self.assert_fails(2, "no domain given", "xl-memory", "recoalesce")
        self.assert_fails(2, 'unexpected "b"', "xl-memory", "recoalesce", "a",
                          "b")
        self.assert_fails(2, "unknown option", "xl-memory", "recoalesce",
                          "web", "--background")


class Normal(XlTest):
    def test_sweep_request(self):
        server = self.serve(result(SWEEP))
        code, _, err = self.run_xl("xl-sweep", "web", "--target", "1536M")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request, {
            "jsonrpc": "2.0", "id": 1, "method": "sweep",
            "params": {"domain": "web", "target_kib": 1572864}})

    def test_sweep_dry_run_request(self):
        server = self.serve(result(dict(SWEEP, dry_run=True, balloon=None)))
        code, out, _ = self.run_xl("xl-sweep", "--dry-run", "3")
        self.assertEqual(code, 0)
        self.assertIn("nothing changed", out)
        self.assertNotIn("balloon  ", out)
        self.assertEqual(server.request["params"],
                         {"domain": "3", "dry_run": True})

    def test_drain(self):
        answer = {"domid": 3, "name": "web", "drained": True,
                  "filled_kib": 20480}
        for args, params, drained, text in (
                ((), {"domain": "web"}, True,
                 "web is drained, 20.0 MiB were filled; it is left alone"),
                (("--end",), {"domain": "web", "end": True}, False,
                 "web is no longer left alone.")):
            with self.subTest(args):
                server = self.serve(result(dict(answer, drained=drained)))
                code, out, err = self.run_xl("xl-memory", "drain", "web",
                                             *args)
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(server.request["method"], "drain")
                self.assertEqual(server.request["params"], params)
                self.assertIn(text, out)
                server.close()
                os.unlink(self.path)
        self.serve(result(dict(answer, drained=1)))
        self.assert_fails(1, "has no sound", "xl-memory", "drain", "web")

    def test_sweep_summary(self):
        self.serve(result(SWEEP))
        code, out, _ = self.run_xl("xl-sweep", "web")
        self.assertEqual(code, 0)
        for text in ("web (domain 3): swept 160.5 MiB, returned 512.0 MiB to "
                     "the host, in 1.2 s",
                     "guest size   2048.0  1536.0  -512.0",
                     "host free     512.0  1024.0  +512.0",
                     "scanned      524288 pages (2048.0 MiB)",
                     "zero         86 super, 210 regular (172.8 MiB)",
                     "committed    80 super, 128 regular (160.5 MiB)",
                     "skipped      granted 3, changed 4 (ranges of 2 MiB)",
                     "pauses       40, longest 1.1 ms, together 45.0 ms",
                     "balloon      512.0 of 512.0 MiB moved, 510.0 MiB in "
                     "superpages, in 77.0 ms",
                     "returned     +512.0 MiB"):
            self.assertIn(text + "\n", out)

    def test_sweep_that_takes_memory(self):
        self.serve(result(dict(SWEEP, returned_kib=-2048, skipped={})))
        _, out, _ = self.run_xl("xl-sweep", "web")
        self.assertIn("took 2.0 MiB from the host", out)
        self.assertIn("returned     -2.0 MiB\n", out)
        self.assertIn("skipped      none\n", out)

    def test_memory_table(self):
        server = self.serve(result(MEMORY))
        code, out, err = self.run_xl("xl-memory")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request["method"], "memory")
        self.assertEqual(server.request["params"], {})
        rows = out.splitlines()
        self.assertEqual(rows[0].split(), [
            "NAME", "ID", "TYPE", "SIZE", "TARGET", "MAX", "POD", "CACHE",
            "OVERCOMMIT", "SWEPT", "BALLOON", "FRONT-END", "NOTE"])
        self.assertEqual(rows[1].split(), [
            "web", "3", "pvh", "1536.0", "1536.0", "2048.0", "0.0", "0.0",
            "0.0", "168.5", "512.0", "connected"])
        self.assertTrue(rows[2].endswith(
            "absent     at work; a PV guest cannot be swept"))
        self.assertEqual({row.index("pv") for row in rows[1:3]},
                         {rows[0].index("TYPE")})
        self.assertEqual(rows[-1], "Host: 1024.0 of 4096.0 MiB free. "
                         "All sizes in MiB.")
        self.assertFalse([row for row in rows if row != row.rstrip()])

    def test_memory_of_one(self):
        server = self.serve(result(dict(MEMORY, domains=[DOMAIN])))
        self.assertEqual(self.run_xl("xl-memory", "web")[0], 0)
        self.assertEqual(server.request["params"], {"domain": "web"})

    def test_memory_of_none(self):
        self.serve(result(dict(MEMORY, domains=[])))
        code, out, _ = self.run_xl("xl-memory")
        self.assertEqual(code, 0)
        self.assertTrue(out.startswith("NAME  ID  TYPE"))

    def test_plan(self):
        server = self.serve(result(PLAN))
        code, out, err = self.run_xl("xl-memory", "plan")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request["method"], "plan")
        self.assertEqual(server.request["params"], {})
        rows = out.splitlines()
        self.assertEqual(rows[0].split(), [
            "NAME", "ID", "SIZE", "TARGET", "CHANGE", "OVERCOMMIT",
            "AVAILABLE", "WANTED", "STALL", "AGE", "REASON"])
        self.assertEqual(rows[1].split(), [
            "web", "3", "512.0", "576.0", "+64.0", "0.0", "10.0", "128.0",
            "12.5", "%", "1.2", "s", "short-gets"])
        self.assertEqual(rows[2].split(), [
            "old", "12", "512.0", "512.0", "0.0", "-", "-", "-", "-",
            "silent"])
        self.assertEqual(rows[-1], "Host: 512.0 MiB free, 256.0 of them in "
                         "reserve. All sizes in MiB.")

    def test_policy(self):
        server = self.serve(result(POLICY))
        code, out, err = self.run_xl("xl-memory", "policy", "web")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request["method"], "policy")
        self.assertEqual(server.request["params"], {"domain": "web"})
        rows = out.splitlines()
        self.assertEqual(rows[1].split(), [
            "web", "3", "512.0", "256.0", "default", "2048.0", "maximum",
            "200", "configuration", "64.0", "default", "no"])
        self.assertEqual(rows[-1], "The balancer plans once in 1.0 s.")

    def test_balancer_off_or_elsewhere(self):
        for verb, obj in (("plan", PLAN), ("policy", POLICY)):
            for change, text in (({"balancer": False}, "balancer is off"),
                                 ({"note": "not \x1b[2J here"},
                                  "not \\x1b[2J here\n")):
                with self.subTest(verb, change=change):
                    server = self.serve(result(dict(obj, **change)))
                    code, out, _ = self.run_xl("xl-memory", verb)
                    self.assertEqual(code, 0)
                    self.assertIn(text, out)
                    server.close()
                    os.unlink(self.path)

    def test_json_passes_through(self):
        for program, obj in (("xl-sweep", dict(SWEEP, new_field=[1.5, None])),
                             ("xl-memory", MEMORY)):
            with self.subTest(program):
                server = self.serve(result(obj))
                code, out, err = self.run_xl(program, "web", "--json")
                self.assertEqual((code, err), (0, ""))
                self.assertEqual(out.count("\n"), 1)
                self.assertEqual(json.loads(out), obj)
                server.close()
                os.unlink(self.path)

    def test_answer_in_pieces(self):
        data = result(SWEEP)
        self.serve(*[data[i:i + 7] for i in range(0, len(data), 7)])
        self.assertEqual(self.run_xl("xl-sweep", "web")[0], 0)

    def test_longest_line(self):
        data = result(dict(SWEEP, pad=""))
        pad = LINE_MAX - len(data)
        self.serve(result(dict(SWEEP, pad="x" * pad)))
        self.assertEqual(self.run_xl("xl-sweep", "web", "--json")[0], 0)


class Progress(XlTest):
    STEPS = [progress(n, 4) for n in range(5)]

    def test_nothing_without_a_terminal(self):
        self.serve(*self.STEPS, result(SWEEP))
        code, _, err = self.run_xl("xl-sweep", "web")
        self.assertEqual((code, err), (0, ""))

    def test_bar_on_a_terminal(self):
        self.serve(progress(0, 4), lambda conn: time.sleep(0.15),
                   progress(2, 4), result(SWEEP))
        text = self.on_terminal("xl-sweep", "web")
        self.assertIn(b"sweeping", text)
        self.assertIn(b" 50 %", text)
        self.assertIn(b"MiB/s", text)
        self.assertTrue(text.endswith(b"\r\x1b[K"), text)

    def on_terminal(self, *args):
        leader, follower = pty.openpty()
        self.addCleanup(os.close, leader)
        env = dict(self.env, TERM="vt100")
        child = subprocess.run(self.program(args), env=env, timeout=WAIT,
                               stdout=subprocess.DEVNULL, stderr=follower,
                               check=False)
        os.close(follower)
        self.assertEqual(child.returncode, 0)
        return os.read(leader, 65536)

    def test_nonsense_is_passed_over(self):
        self.serve(progress(9, 4), progress(3, 0), progress(-1, 4),
                   progress(1, 4, id=2), progress("1", 4),
                   progress(1, 4, phase="\x1b[31m"), progress(1, 4, phase=7),
                   line({"jsonrpc": "2.0", "method": "progress"}),
                   line({"jsonrpc": "2.0", "method": "news", "params": {}}),
                   result(SWEEP))
        self.assertNotIn(b"\x1b[31m", self.on_terminal("xl-sweep", "web"))

    def test_many(self):
        self.serve(b"".join(self.STEPS) * 2000, result(SWEEP))
        self.assertEqual(self.run_xl("xl-sweep", "web")[0], 0)


class DaemonSaysNo(XlTest):
    def test_exit_codes(self):
        for code, exit_code in ((-32602, 2), (-32001, 1), (-32002, 1),
                                (-32601, 1), (-32600, 1), (7, 1)):
            with self.subTest(code):
                server = self.serve(error(code, "web is dying"))
                err = self.assert_fails(exit_code, "web is dying",
                                        "xl-sweep", "web")
                self.assertEqual(err, "xl-sweep: web is dying\n")
                server.close()
                os.unlink(self.path)

    def test_message_is_escaped(self):
        self.serve(error(-32001, "no\n\x1b[2J\u00e9"))
        self.assert_fails(1, r"no\\x0a\\x1b\[2J\\xc3\\xa9", "xl-memory")

    def test_error_without_id(self):
        self.serve(error(-32700, "not JSON", None))
        self.assert_fails(1, "not JSON", "xl-memory")

    def test_error_that_is_none(self):
        self.serve(line({"jsonrpc": "2.0", "id": 1, "error": "no"}))
        self.assert_fails(1, "not an answer", "xl-memory")


class HostileDaemon(XlTest):
    def garbage(self, data, *args):
        server = self.serve(data)
        self.assert_fails(1, "not an answer", *(args or ("xl-memory",)))
        server.close()
        os.unlink(self.path)

    def test_garbage(self):
        for data in (b"\n", b"hello\n", b"{\n", b"[]\n", b"7\n", b"null\n",
                     b"{} {}\n", b"{\"id\":1}\x00\n", b"\xff\xfe\x00\n",
                     b"[" * 60000 + b"\n", b"{\"id\":" * 9000 + b"\n",
                     result(MEMORY, 2), result(MEMORY, "1"), result([]),
                     result(None), line({"id": 1})):
            with self.subTest(data[:40]):
                self.garbage(data)

    def test_line_too_long(self):
        self.serve(b"x" * LINE_MAX + b"\n")
        self.assert_fails(1, "more than 65536", "xl-sweep", "web")

    def test_endless_line(self):
        self.serve(b"x" * (LINE_MAX * 4))
        self.assert_fails(1, "more than 65536", "xl-memory")

    def test_closes_at_once(self):
        self.serve()
        self.assert_fails(1, "closed the connection", "xl-sweep", "web")

    def test_closes_mid_way(self):
        self.serve(progress(1, 4), result(SWEEP)[:-20])
        self.assert_fails(1, "what was done stays done", "xl-sweep", "web")

    def test_names_are_escaped(self):
        bad = "w\x1b[31m\n\u202e\\"
        self.serve(result(dict(MEMORY, domains=[dict(
            DOMAIN, name=bad, type=bad, frontend=bad, note=bad)])))
        code, out, _ = self.run_xl("xl-memory")
        self.assertEqual(code, 0)
        self.assertEqual(out.count(r"w\x1b[31m\x0a\xe2\x80\xae" + "\\\\"), 4)

    def test_sweep_is_escaped(self):
        self.serve(result(dict(SWEEP, name="\x07" * 5000,
                               skipped={"\x1b]0;x": 1, "granted": "two"})))
        code, out, _ = self.run_xl("xl-sweep", "web")
        self.assertEqual(code, 0)
        self.assertIn(r"\x1b]0;x 1, granted 0", out)

    def test_unsound_fields(self):
        for field, values in (
                ("domid", (None, -1, 1.5, "3", 1 << 60, 1 << 70)),
                ("name", (None, 3, [])),
                ("dry_run", (None, 1, "no")),
                ("returned_kib", (None, -(1 << 60), 1 << 60, {})),
                ("skipped", (None, [], 3)),
                ("pauses", (None, {}, [])),
                ("before", (None, {}, dict(STATE, size_kib=-4))),
                ("balloon", (7, {}, []))):
            for value in values:
                with self.subTest(field, value=value):
                    server = self.serve(result(dict(SWEEP, **{field: value})))
                    self.assert_fails(1, "has no sound", "xl-sweep", "web")
                    server.close()
                    os.unlink(self.path)

    def test_missing_fields(self):
        for field in SWEEP:
            with self.subTest(field):
                short = {k: v for k, v in SWEEP.items() if k != field}
                server = self.serve(result(short))
                self.assert_fails(1, 'has no sound "%s"' % field,
                                  "xl-sweep", "web")
                server.close()
                os.unlink(self.path)

    def test_unsound_memory(self):
        for obj in (dict(MEMORY, host=None), dict(MEMORY, domains={}),
                    dict(MEMORY, domains=[3]),
                    dict(MEMORY, domains=[dict(DOMAIN, note=None)]),
                    dict(MEMORY, domains=[DOMAIN, {}])):
            with self.subTest(str(obj)[:60]):
                server = self.serve(result(obj))
                self.assert_fails(1, "has no sound", "xl-memory")
                server.close()
                os.unlink(self.path)

    def test_unsound_plan_and_policy(self):
        for verb, obj, row in (("plan", PLAN, PLANNED),
                               ("policy", POLICY, BOUND)):
            bad = [dict(obj, domains=None), dict(obj, domains=[3]),
                   dict(obj, note=7), dict(obj, host_reserve_kib=-1)]
            bad += [dict(obj, domains=[row, {k: v for k, v in row.items()
                                             if k != field}])
                    for field in row]
            bad += [dict(obj, domains=[dict(row, **{field: []})])
                    for field in row]
            for answer in bad:
                with self.subTest(verb, answer=str(answer)[:60]):
                    server = self.serve(result(answer))
                    self.assert_verb_fails(1, "has no sound", verb)
                    server.close()
                    os.unlink(self.path)

    def test_verbs_escape(self):
        bad = "w\x1b[31m\n"
        for verb, row, fields in (
                ("plan", PLANNED, ("name", "reason")),
                ("policy", BOUND, ("name", "min_from", "max_from",
                                   "weight_from", "pace_from"))):
            with self.subTest(verb):
                server = self.serve(result(dict(BALANCE, domains=[
                    dict(row, **dict.fromkeys(fields, bad))])))
                code, out, _ = self.run_xl("xl-memory", verb)
                self.assertEqual(code, 0)
                self.assertEqual(out.count(r"w\x1b[31m\x0a"), len(fields))
                server.close()
                os.unlink(self.path)

    def test_largest_numbers_of_verbs(self):
        most = 1 << 52
        for verb, row in (("plan", PLANNED), ("policy", BOUND)):
            large = {k: most if isinstance(v, int) else v
                     for k, v in row.items()}
            server = self.serve(result(dict(
                BALANCE, interval_ms=most, host_free_kib=most,
                domains=[large])))
            code, out, _ = self.run_xl("xl-memory", verb)
            self.assertEqual(code, 0)
            self.assertNotRegex(out, r"-[0-9]{19}")
            server.close()
            os.unlink(self.path)

    def test_largest_numbers(self):
        most = 1 << 52
        state = dict.fromkeys(STATE, most)
        self.serve(result(dict(
            SWEEP, scanned_pages=most, zero_super=most, zero_regular=most,
            committed_super=most, committed_regular=most, before=state,
            after=state, returned_kib=-most, duration_us=most)))
        code, out, _ = self.run_xl("xl-sweep", "web")
        self.assertEqual(code, 0)
        self.assertNotRegex(out, r"-[0-9]{19}")


class Map(XlTest):
    """xl-memory map and its pictures."""

    def draw(self, answer, *args):
        server = self.serve(result(answer))
        code, out, err = self.run_xl("xl-memory", "map", "web", *args)
        self.assertEqual((code, err), (0, ""))
        self.assertEqual((server.request["method"], server.request["params"]),
                         ("map", {"domain": "web"}))
        server.close()
        os.unlink(self.path)
        return out

    def svg(self, answer):
        path = os.path.join(self.dir, "map.svg")
        self.assertEqual(self.draw(answer, "--svg", path), "")
        with open(path, encoding="ascii") as file:
            text = file.read()
        return xml.etree.ElementTree.fromstring(text), text

    @staticmethod
    def cells(out):
        """The cells of a drawing without colour, in order."""
        return "".join(re.findall(r"^ *\d+[MGT]  (.*)$", out, re.M))

    def test_letters(self):
        out = self.draw(MAP)
        self.assertTrue(out.startswith("web (domain 3): 512.0 MiB, origin "
                                       "built; a cell is 2MB\n\n"))
        self.assertEqual(self.cells(out), "S" + "I" * 63 + "P" * 50 +
                         "B" * 10 + "?" * 4)
        rows = out.splitlines()
        self.assertTrue(rows[2].startswith("     0M  SIII"), rows[2])
        self.assertTrue(rows[3].startswith("   128M  PPPP"), rows[3])
        self.assertRegex(out, r"\n  Pp  pod +100\.0 MiB  populate-on-demand")
        self.assertIn("Xen counts 100.0 MiB of entries to be filled, and "
                      "102.0 MiB wait for them.", out)

    def test_mixed_cells(self):
        out = self.draw(map_of([([0, 3, 1, 0, 0, 0], 5), (5, 2),
                                ([0, 0, 0, 1, 0, 3], 1)], cell=4))
        self.assertEqual(self.cells(out), "iiiii..:")
        self.assertIn("a cell is 8MB", out)

    def test_coarser_to_fit(self):
        """1 TiB in a window's worth of cells, and nothing is lost."""
        out = self.draw(map_of([(1, 1), (3, 524287)]))
        cells = self.cells(out)
        self.assertIn("a cell is 512MB", out)
        self.assertEqual(cells, "p" + "P" * 2047)
        out = self.draw(map_of([([1, 255, 0, 0, 0, 0], 4096)], cell=256))
        self.assertEqual(self.cells(out), "i" * 2048)
        self.assertIn("a cell is 1GB", out)

    def test_nothing(self):
        self.assertEqual(self.cells(self.draw(map_of([]))), "")

    def test_names_are_escaped(self):
        bad = "<w&'\"\x1b[31m\u202e>"
        answer = dict(MAP, name=bad, origin=bad)
        self.assertIn(r"<w&'" + '"' + r"\x1b[31m", self.draw(answer))
        root, text = self.svg(answer)
        self.assertNotIn("<w", text)
        self.assertIn("&lt;w&amp;&#39;&quot;\\x1b[31m", text)
        title = root.find("{http://www.w3.org/2000/svg}title").text
        self.assertEqual(title, "Memory of <w&'\"\\x1b[31m\\xe2\\x80\\xae>")

    def test_svg(self):
        root, text = self.svg(MAP)
        space = "{http://www.w3.org/2000/svg}"
        self.assertEqual(root.tag, space + "svg")
        paths = {path.get("class"): path.get("d").count("M")
                 for path in root.iter(space + "path")}
        self.assertEqual(paths, {"s0": 4, "s1": 63, "s2": 1, "s3": 50,
                                 "s4": 10, "s5": 0})
        texts = [element.text for element in root.iter(space + "text")]
        self.assertIn("Memory of web", texts)
        self.assertIn("100.0 MiB", texts)
        self.assertIn("39.1 %", texts)
        self.assertIn("prefers-color-scheme:dark", text)
        self.assertNotRegex(text, r"(?:href|src)=|<script|@import|url\(")

    def test_svg_of_mixed_cells(self):
        root, _ = self.svg(map_of([([0, 3, 1, 0, 0, 0], 5)], cell=4))
        paths = {path.get("class"): path.get("d") for path in
                 root.iter("{http://www.w3.org/2000/svg}path")}
        self.assertEqual((paths["s1"].count("v8.2"), paths["s2"].count("v2.8")),
                         (5, 5))

    def test_svg_that_cannot_be(self):
        for path in (self.dir, self.dir + "/no/where", "/dev/full"):
            with self.subTest(path):
                server = self.serve(result(MAP))
                self.assert_fails(1, "cannot write the SVG file",
                                  "xl-memory", "map", "web", "--svg", path)
                server.close()
                os.unlink(self.path)

    def test_json(self):
        self.assertEqual(json.loads(self.draw(MAP, "--json")), MAP)

    def test_usage(self):
        for args, text in (
                ((), "no domain given"),
                (("web", "--svg", "x", "--json"), "exclude each other"),
                (("web", "--watch", "--json"), "exclude each other"),
                (("web", "--watch"), "on a terminal"),
                (("web", "--svg"), "needs a value"),
                (("web", "--svg", ""), "name of a file"),
                (("web", "db"), "unexpected")):
            with self.subTest(args):
                self.assert_fails(2, text, "xl-memory", "map", *args)

    def test_unsound(self):
        run = MAP["runs"]
        for field, values in (
                ("ranges", (None, -1, 127, 129, 1 << 27, "128")),
                ("cell_ranges", (0, 3, 2, 1 << 27, -1, 1.0)),
                ("totals", (None, [], {}, dict(MAP["totals"], pod_kib=-1))),
                ("origin", (None, 1)), ("name", (None, 7)),
                ("runs", (None, {}, run[1:], run + [[1, 1]], [[1, 0]] + run,
                          [[1, 128.0]], [[6, 128]], [[-1, 128]], [[1]],
                          [[1, 128, 1]], [1, 128], [["1", 128]],
                          [[[1, 0, 0, 0, 0], 128]], [[[0] * 6, 128]],
                          [[[1, 1, 0, 0, 0, 0], 128]], [[None, 128]],
                          [[1, 1 << 62], [1, 1 << 62]], [[1, -128]]))):
            for value in values:
                with self.subTest(field=field, value=value):
                    server = self.serve(result(dict(MAP, **{field: value})))
                    got, out, err = self.run_xl("xl-memory", "map", "web")
                    self.assertEqual((got, out), (1, ""), err)
                    self.assertRegex(err, r"\Axl-memory map: .*has no sound")
                    server.close()
                    os.unlink(self.path)

    def test_refusal(self):
        self.serve(error(-32001, "old: cannot look: it is a PV guest"))
        self.assert_fails(1, "it is a PV guest", "xl-memory", "map", "old")


class Terminal(XlTest):
    """What is drawn on a terminal, and that it is left as it was."""

    def setUp(self):
        super().setUp()
        self.leader, self.follower = pty.openpty()
        self.addCleanup(os.close, self.leader)
        fcntl.ioctl(self.follower, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, 80, 0, 0))
        self.env["TERM"] = "xterm-256color"
        self.env.pop("NO_COLOR", None)

    def start(self, *args):
        child = subprocess.Popen(self.program(args), env=self.env,
                                 stdout=self.follower, stdin=self.follower,
                                 stderr=subprocess.PIPE)
        os.close(self.follower)
        self.addCleanup(child.stderr.close)
        return child

    def read_until(self, done):
        """What was written until it has all of `done`, or its end."""
        data = b""
        end = time.monotonic() + WAIT
        while not done(data) and time.monotonic() < end:
            ready, _, _ = select.select([self.leader], [], [], 0.2)
            if not ready:
                continue
            try:
                chunk = os.read(self.leader, 65536)
            except OSError:
                break
            if not chunk:
                break
            data += chunk
        return data

    def test_colour(self):
        self.serve(result(MAP))
        child = self.start("xl-memory", "map", "web")
        data = self.read_until(lambda data: b"wait for them" in data)
        self.assertEqual(child.wait(WAIT), 0)
        self.assertEqual(data.count(b"48;5;35m"), 63 + 1)   # and the legend
        self.assertEqual(data.count(b"48;5;75m"), 50 + 1)
        self.assertNotIn(b"\x1b[?1049h", data)

    def test_no_colour(self):
        self.env["NO_COLOR"] = "1"
        self.serve(result(MAP))
        child = self.start("xl-memory", "map", "web")
        data = self.read_until(lambda data: b"wait for them" in data)
        self.assertEqual(child.wait(WAIT), 0)
        self.assertNotIn(b"\x1b[", data)
        self.assertIn(b"SIIII", data)

    def live(self, number, *args):
        server = self.serve_each(*[result(MAP if "map" in args else MEMORY)
                                   ] * 50)
        child = self.start("xl-memory", *args)
        data = self.read_until(lambda data: data.count(b"\x1b[H") >= 2)
        child.send_signal(number)
        data += self.read_until(lambda data: b"\x1b[?1049l" in data)
        self.assertEqual(child.wait(WAIT), 0)
        self.assertEqual(child.stderr.read(), b"")
        self.assertTrue(data.startswith(b"\x1b[?1049h\x1b[?25l"), data[:40])
        self.assertTrue(data.endswith(b"\x1b[?25h\x1b[?1049l"), data[-40:])
        self.assertEqual(data.count(b"\x1b[?1049"), 2)
        server.close()
        return data

    def test_watch(self):
        data = self.live(signal.SIGINT, "map", "web", "--watch")
        self.assertIn(b"web (domain 3)", data)

    def test_watch_terminated(self):
        self.live(signal.SIGTERM, "map", "web", "--watch")

    def test_top(self):
        data = self.live(signal.SIGINT, "top")
        self.assertIn(b"BALLOON/s", data)

    def test_daemon_goes(self):
        """The complaint comes when the terminal is as it was."""
        self.serve_each(result(MAP), error(-32001, "web: it is gone"))
        child = self.start("xl-memory", "map", "web", "--watch")
        data = self.read_until(lambda data: b"\x1b[?1049l" in data)
        self.assertEqual(child.wait(WAIT), 1)
        self.assertTrue(data.endswith(b"\x1b[?25h\x1b[?1049l"))
        self.assertEqual(child.stderr.read(),
                         b"xl-memory map: web: it is gone\n")


class Top(XlTest):
    def second(self, **changes):
        web = dict(DOMAIN, **changes)
        new = dict(DOMAIN, domid=99, name="new")
        return dict(MEMORY, domains=[MEMORY["domains"][1], web, new])

    def test_table(self):
        self.serve_each(result(MEMORY), result(self.second(
            size_kib=1572864 - 10240, swept_kib=172544 + 2097152,
            pod_entries_kib=1048576)))
        code, out, err = self.run_xl("xl-memory", "top")
        self.assertEqual((code, err), (0, ""))
        rows = [row.split() for row in out.splitlines()]
        self.assertEqual([row[0] for row in rows[:4]],
                         ["NAME", "web", "old", "new"])
        web = dict(zip(rows[0], rows[1]))
        for column, mib in (("SIZE/s", -10), ("SWEPT/s", 2048),
                            ("POD/s", 1024)):
            self.assertTrue(mib * 0.5 <= float(web[column]) <= mib or
                            mib <= float(web[column]) <= mib * 0.5, web)
        self.assertEqual((web["BALLOON/s"], web["CACHE/s"]), ("0", "0"))
        self.assertEqual(rows[3][3], "-")

    def test_json(self):
        server = self.serve_each(result(MEMORY), result(self.second(
            ballooned_kib=524288 + 4096)))
        code, out, err = self.run_xl("xl-memory", "top", "web", "--json")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(server.request["params"], {"domain": "web"})
        answer = json.loads(out)
        self.assertGreaterEqual(answer["interval_us"], 1000000)
        self.assertEqual([d["name"] for d in answer["domains"]],
                         ["web", "old", "new"])
        web = answer["domains"][0]
        seconds = answer["interval_us"] / 1e6
        self.assertAlmostEqual(web["ballooned_kib_per_s"], 4096 / seconds,
                               delta=1)
        self.assertEqual(web["size_kib_per_s"], 0)
        self.assertIsNone(answer["domains"][2]["size_kib_per_s"])

    def test_unsound(self):
        for second in (dict(MEMORY, host=7), dict(MEMORY, domains=[7]),
                       self.second(swept_kib=-1)):
            server = self.serve_each(result(MEMORY), result(second))
            self.assert_fails(1, "has no sound", "xl-memory", "top")
            server.close()
            os.unlink(self.path)

    def test_largest_change(self):
        most = 1 << 52
        first = dict.fromkeys(("size_kib", "swept_kib", "ballooned_kib",
                               "pod_entries_kib", "pod_cache_kib"), 0)
        self.serve_each(result(self.second(**first)), result(self.second(
            **dict.fromkeys(first, most))))
        code, out, _ = self.run_xl("xl-memory", "top", "--json")
        self.assertEqual(code, 0)
        web = json.loads(out)["domains"][0]
        self.assertGreater(web["size_kib_per_s"], most // 4)


class NoDaemon(XlTest):
    def test_no_socket(self):
        for args in (("xl-sweep", "web"), ("xl-memory",)):
            self.assert_fails(1, "xenkeep-memoryd is not running", *args)
        self.assert_verb_fails(1, "xenkeep-memoryd is not running", "plan")

    def test_nobody_listens(self):
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(self.path)
        stale.close()
        self.assert_fails(1, "xenkeep-memoryd is not running", "xl-memory")

    def test_directory_too_long(self):
        self.env["XENKEEP_RUN_DIR"] = "/" + "x" * 200
        self.assert_fails(1, "too long", "xl-memory")

    def test_no_rights(self):
        server = socket.socket(socket.AF_UNIX)
        self.addCleanup(server.close)
        server.bind(self.path)
        server.listen(1)
        os.chmod(self.path, 0)
        os.chmod(self.dir, stat.S_IRWXU | stat.S_IXOTH)
        if os.geteuid() != 0:
            self.assert_fails(1, "may only be asked by root", "xl-memory")
            return
        if not self.others_can_run():
            self.skipTest("another user cannot reach the programs here")
        code, out, err = self.run_xl("xl-memory", user=65534)
        self.assertEqual((code, out), (1, ""))
        self.assertRegex(err, r"\Axl-memory: .*may only be asked by root")

    def others_can_run(self):
        try:
            return subprocess.run(
                self.program(["xl-memory", "--version"]), user=65534,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                check=False).returncode == 0
        except OSError:
            return False


class Interrupted(XlTest):
    def interrupt(self, number):
        ready = threading.Event()
        gone = threading.Event()

        def wait_for_end(conn):
            ready.set()
            try:
                closed = conn.recv(1) == b""
            except ConnectionResetError:    # it left a line unread
                closed = True
            if closed:
                gone.set()

        server = self.serve(progress(1, 4), wait_for_end)
        # Whoever runs the tests in the background has SIGINT ignored, and
        # what is ignored stays so in a new program.
        child = subprocess.Popen(self.program(["xl-sweep", "web"]),
                                 env=self.env, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, preexec_fn=lambda:
                                 signal.signal(number, signal.SIG_DFL))
        self.assertTrue(ready.wait(WAIT))
        child.send_signal(number)
        out, err = child.communicate(timeout=WAIT)
        self.assertEqual((child.returncode, out), (1, b""))
        self.assertEqual(err, b"xl-sweep: interrupted; what was done stays "
                         b"done\n")
        self.assertTrue(gone.wait(WAIT), "the connection was not closed")
        server.close()
        os.unlink(self.path)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                self.interrupt(number)


class BadUsage(XlTest):
    def test_no_domain(self):
        self.assert_fails(2, "no domain given", "xl-sweep")

    def test_two_domains(self):
        for program in ("xl-sweep", "xl-memory"):
            self.assert_fails(2, 'unexpected "b"', program, "a", "b")

    def test_verbs(self):
        for verb in ("plan", "policy"):
            self.assert_verb_fails(2, 'unexpected "b"', verb, "a", "b")
            self.assert_verb_fails(2, "unknown option", verb, "--target")
            self.assert_verb_fails(2, "expected a name", verb, "a\nb")
            self.assert_verb_fails(2, "takes no value", verb, "--json=1")

    def test_bad_domains(self):
        for name in ("", "a\nb", "\x1b[2J", "x" * 257):
            self.assert_fails(2, "expected a name", "xl-sweep", name)

    def test_unknown_options(self):
        for option in ("--frobnicate", "-x", "--\x1b", "--target-all", "-"
                       "\x7f"):
            for program in ("xl-sweep", "xl-memory"):
                self.assert_fails(2, "unknown option", program, "web", option)
        self.assert_fails(2, "unknown option", "xl-memory", "--target", "1G")

    def test_values(self):
        self.assert_fails(2, "needs a value", "xl-sweep", "web", "--target")
        self.assert_fails(2, "takes no value", "xl-sweep", "web", "--json=1")

    def test_malformed_sizes(self):
        for size in ("12Q", "", " 1G", "1G ", "-1G", "+1G", "1.5G", "G", "0",
                     "0M", "1GG", "0x", "99999999999999999999", "1\x1b",
                     "18014398509481984t", "12e3"):
            with self.subTest(size):
                self.assert_fails(2, "expected a size such as 512M or 1G",
                                  "xl-sweep", "web", "--target", size)
        err = self.assert_fails(2, "", "xl-sweep", "--target=12Q", "web")
        self.assertEqual(err, 'xl-sweep: target "12Q": expected a size such '
                         'as 512M or 1G\n')

    def test_nothing_is_asked(self):
        server = self.serve(result(SWEEP))
        self.run_xl("xl-sweep", "web", "--target", "12Q")
        self.run_xl("xl-sweep", "web", "--what")
        self.assertIsNone(server.request)
        self.run_xl("xl-sweep", "web")
        self.assertIsNotNone(server.request)


class Output(XlTest):
    def test_full_disk(self):
        for args in (("xl-memory",), ("xl-memory", "--json"),
                     ("xl-memory", "--help")):
            with self.subTest(args), open("/dev/full", "wb") as full:
                server = self.serve(result(MEMORY))
                code, _, err = self.run_xl(*args, stdout=full)
                self.assertEqual(code, 1)
                self.assertIn("cannot write to standard output", err)
                if "--help" not in args:
                    server.close()
                os.unlink(self.path)


class Documentation(XlTest):
    PROGRAMS = ("xl-sweep", "xl-memory")
    COMMANDS = (("xl-sweep",), ("xl-memory",), ("xl-memory", "map"),
                ("xl-memory", "drain"), ("xl-memory", "top"))

    def source(self, *parts):
        with open(os.path.join(SRCDIR, *parts), encoding="ascii") as file:
            return file.read()

    def options_of_help(self, *command):
        code, out, err = self.run_xl(*command, "--help")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(self.run_xl(*command, "-h")[1], out)
        self.assertTrue(all(len(row) <= 80 for row in out.splitlines()))
        return set(re.findall(r"--([a-z-]+)", out))

    def test_verbs_are_documented(self):
        _, out, _ = self.run_xl("xl-memory", "--help")
        verbs = re.findall(r"^  ([a-z]+)  ", out, re.M)
        self.assertIn("plan", verbs)
        page = self.source("dom0", "man", "xl-memory.1")
        completion = self.source("dom0", "completion", "xenkeep.bash")
        listed = re.search(r"for verb in ([a-z ]+);", completion).group(1)
        self.assertEqual(listed.split(), verbs)
        for verb in verbs:
            self.assertRegex(page, r"(?m)^\.(Op )?Cm .*\b%s\b" % verb)
            code, out, err = self.run_xl("xl-memory", verb, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertTrue(all(len(row) <= 80 for row in out.splitlines()))

    def test_reasons_are_documented(self):
        text = self.source("dom0", "memoryd", "policy.c")
        reasons = re.findall(r'^    \[POLICY_\w+\] = "([a-z-]+)"', text, re.M)
        page = self.source("dom0", "man", "xl-memory.1")
        self.assertGreater(len(reasons), 5)
        self.assertLessEqual(set(reasons), set(
            re.findall(r"^\.It Li ([a-z-]+)$", page, re.M)))

    def test_help_and_man_page_agree(self):
        for program in self.PROGRAMS:
            page = self.source("dom0", "man", program + ".1")
            of_page = set(re.findall(r"^\.It Fl (?:h , )?-([a-z-]+)", page,
                                     re.M))
            of_help = set()
            for command in self.COMMANDS:
                if command[0] == program:
                    of_help |= self.options_of_help(*command)
            self.assertEqual(of_help, of_page)

    def test_help_and_completion_agree(self):
        text = self.source("dom0", "completion", "xenkeep.bash")
        lists = [set(re.findall(r"--([a-z-]+)", row)) for row in
                 re.findall(r'"(--[a-z -]+)"', text)]
        for command in self.COMMANDS:
            self.assertIn(self.options_of_help(*command), lists)

    def test_version(self):
        for program in self.PROGRAMS:
            code, out, _ = self.run_xl(program, "--version")
            self.assertEqual(code, 0)
            self.assertRegex(out, r"\A%s \(xenkeep\) \d+\.\d+" % program)


class Shim(XlTest):
    """`xl VERB` runs ours on the exact verb and never otherwise."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(SRCDIR, "dom0", "xl", "xl-shim.sh.in"),
                  encoding="ascii") as file:
            text = file.read()
        self.shim = os.path.join(self.dir, "shim")
        self.script(self.shim, text.replace("@xl@", self.dir + "/real")
                    .replace("@sbindir@", self.dir))
        for name in ("real", "xl-sweep", "xl-memory"):
            self.script(os.path.join(self.dir, name), "#!/bin/sh\nprintf "
                        "'[%%s]' %s \"$@\"\n" % name)

    def script(self, path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def shim_run(self, *args):
        done = subprocess.run([self.shim] + list(args), timeout=WAIT,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.DEVNULL)
        return done.returncode, done.stdout.decode()

    def test_ours(self):
        for args, ran in (
                (("sweep", "a b", "--target", "1G"),
                 "[xl-sweep][a b][--target][1G]"),
                (("-v", "-t", "memory"), "[xl-memory]"),
                (("-vvv", "sweep", "-N"), "[xl-sweep][-N]")):
            self.assertEqual(self.shim_run(*args), (0, ran))

    def test_theirs(self):
        for args in ((), ("list",), ("swee", "x"), ("sweeps",), ("-v",),
                     ("mem-set", "sweep", "1"), ("../x",), ("",),
                     ("--help",), ("-vN", "sweep"), ("-Z", "sweep")):
            ran = "".join("[%s]" % arg for arg in ("real",) + args)
            self.assertEqual(self.shim_run(*args), (0, ran))

    def test_dry_run_of_xl_is_not_dropped(self):
        self.assertEqual(self.shim_run("-N", "sweep", "web"), (2, ""))


class TapResult(unittest.TestResult):
    """One line a test; a failed subtest fails its test."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self.passed = 0
        self.failed = 0

    def stopTest(self, test):
        super().stopTest(test)
        self.count += 1
        name = test.id().split(".", 1)[1]
        bad = [text for case, text in self.failures + self.errors
               if getattr(case, "test_case", case) is test]
        why = [text for case, text in self.skipped if case is test]
        self.failed += bool(bad)
        self.passed += not bad and not why
        print("%sok %d - %s%s" % ("not " if bad else "", self.count, name,
                                  " # SKIP " + why[0] if why else ""))
        for text in bad:
            print("".join("# %s\n" % row for row in text.splitlines()), end="")
        sys.stdout.flush()


def main():
    for name in ("xl-sweep", "xl-memory"):
        if not os.access(os.path.join(BUILDDIR, name), os.X_OK):
            print("1..0 # SKIP no %s in XK_BUILDDIR" % name)
            return 77
    names = sys.argv[1:]
    loader = unittest.defaultTestLoader
    module = sys.modules[__name__]
    suite = (loader.loadTestsFromNames(names, module) if names
             else loader.loadTestsFromModule(module))
    tap = TapResult()
    print("1..%d" % suite.countTestCases())
    suite.run(tap)
    skipped = len(tap.skipped)
    print("%d passed, %d failed%s" % (
        tap.passed, tap.failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if tap.failed or not tap.passed else 0


if __name__ == "__main__":
    sys.exit(main())
