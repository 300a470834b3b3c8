"""Recordings from outside: what can be requested, that recording changes no bit, and what a
kill leaves behind."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from program import PATIENCE, CliTest, main

try:
    import numpy

    import content
except ImportError:
    content = None  # the class that reads arrays is skipped

CHECK_REPORT = os.environ["BDH_CHECK_REPORT"]
EVERYTHING = ["logits", "events", "x:all every 3", "y:top:5 layers 2", "synapses:3->7,random:20@1",
              "snapshot every 7", "pairs:top:10 every 2"]


def records(requests=EVERYTHING):
    return [argument for r in requests for argument in ("--record", r)]


def check(*arguments):
    return subprocess.run([CHECK_REPORT, *arguments], capture_output=True, text=True,
                          timeout=PATIENCE)


def reports(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".h5")
                  and not name.startswith("checkpoint-"))


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def lines(path):
    return contents(path).count(b"\n") if os.path.exists(path) else 0


class RecordingTest(CliTest):
    def assertWhole(self, folder):
        done = check(*(os.path.join(folder, name) for name in reports(folder)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def assertBegins(self, part, whole):
        """Every report of a run holds what the reports of the other begin with; returns the
        smallest commit marker."""
        markers = []
        self.assertEqual(reports(part), reports(whole))
        for name in reports(part):
            done = check("--begins", os.path.join(part, name), os.path.join(whole, name))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            markers.append(float(done.stdout.split()[0]))
        return min(markers)


class Requests(RecordingTest):
    def test_bad_requests_are_refused_before_anything_runs(self):
        rows = [(1, "x:64", ("'64'", "0 to 63")), (1, "x:60-70", ("70", "0 to 63")),
                (1, "y:Purkinje", ("Purkinje", "0 to 63")), (1, "x:1 layers 4", ("4", "1 to 3")),
                (1, "events layers 0", ("0", "1 to 3")),
                (1, "synapses:1->99999", ("99999", "0 to 63")),
                (1, "synapses:all", ("all", "hubs")), (1, "x:random:0", ("random:0", "1 to 64")),
                (1, "synapses:1-2", ("1-2", "3->7")),
                (2, "x:1 every 0", ("every '0'", "1 or more")), (2, "x", ("'x'", "x:NEURONS")),
                (2, "dreams", ("dreams", "snapshot")),
                (1, "synapses:top:5", ("hubs", "pairs:top:5")),
                (1, "pairs:top:5 layers 4", ("4", "1 to 3")),
                (2, "pairs:3->7", ("'pairs:3->7'", "pairs:top:K, K from 1 to 1000000")),
                (2, "pairs:top:0", ("'pairs:top:0'", "pairs:top:K, K from 1 to 1000000")),
                (2, "pairs:top:1000001", ("1000001", "K from 1 to 1000000")),
                (2, "pairs:top:5x", ("'pairs:top:5x'", "pairs:top:K")),
                (2, "pairs:top:5 factor z", ("factor 'z'", "w, what acts")),
                (2, "logits layers 1", ("layers 1", "no layer"))]
        for code, request, says in rows:
            with self.subTest(request):
                self.refused(code, "run", self.random, "--text", "a", "-o", self.path("run"),
                             "--record", request, says=says)
                self.assertFalse(os.path.exists(self.path("run")))

    def test_a_plan_in_a_file(self):
        plan = self.path("plan.json",
                         json.dumps(["x:1-2 every 2",
                                     {"what": "events", "layers": "1-2"}]).encode())
        self.good("run", self.random, "--text", "hello", "-o", self.path("run"), "--record-file",
                  plan, "--record", "x:5 layers 1")
        self.assertEqual(reports(self.path("run")), sorted([f"x_{l}.h5" for l in (1, 2, 3)]
                                                           + ["x-2_1.h5"]
                                                           + [f"events_{v}_{l}.h5" for v in "xy"
                                                              for l in (1, 2)]))
        bad = self.path("bad.json", b'["x:1", {"what": "x:1", "every": 0}]')
        self.refused(1, "run", self.random, "--text", "a", "-o", self.path("other"),
                     "--record-file", bad, says=("bad.json[1]", "1 or more"))
        self.refused(2, "run", self.random, "--text", "a", "--record-file", plan, says=("-o",))

    def test_predicted_bytes_are_reported_and_limited(self):
        arguments = ("run", self.random, "--text", "hello world", "-o")
        result = self.good(*arguments, self.path("run"),
                         *records(["logits", "x:all"])).stderr.decode()
        self.assertRegex(result,
                         r"4 recordings: about [0-9.]+ kB, and [0-9.]+ kB of journals")
        predicted = float(result.split("about ")[1].split(" kB")[0]) * 1e3
        found = sum(os.path.getsize(self.path("run/" + name)) for name in reports(self.path("run")))
        self.assertLess(abs(predicted / found - 1), 0.15)
        self.refused_as_too_much(*arguments, self.path("big"), "--generate", "100000000",
                                 "--record", "snapshot", "--quiet")
        self.assertFalse(os.path.exists(self.path("big")))

    def predicted_and_found(self, *arguments):
        """Bytes of the recordings, as announced and as they are."""
        result = self.good("run", self.random, *arguments, "-o", self.path("sized")).stderr.decode()
        number, unit = re.search(r"about ([0-9.]+) (k|M)?B, and", result).groups()
        found = sum(os.path.getsize(path) for folder, _, names in os.walk(self.path("sized"))
                    for path in [os.path.join(folder, n) for n in names if n.endswith(".h5")])
        shutil.rmtree(self.path("sized"))
        return float(number) * {None: 1, "k": 1e3, "M": 1e6}[unit], found

    def test_predicted_bytes_for_every_way_of_giving_tokens_and_every_recording(self):
        ids = [7 * k % 256 for k in range(3000)]
        file = self.path("ids", " ".join(map(str, ids)).encode())
        text = self.path("text", bytes(b"the cat sat on the mat. "[k % 24] for k in range(3000)))
        prompts = self.path("prompts", b"one of them\nanother one\na third\n")
        every = (["events"], ["logits", "x:all"], ["x:top:5 every 3"], ["synapses:3->7,in:5"],
                 ["synapses:random:20@1 factor y every 10"], ["snapshot every 100"],
                 ["events every 7", "y:0-9 layers 2"], ["pairs:top:40 every 3"])
        for what in every:
            with self.subTest(what=what):
                predicted, found = self.predicted_and_found("--tokens-file", file, *records(what))
                self.assertLess(abs(predicted / found - 1), 0.1, (predicted, found))
        for given in (("--text-file", text), ("--tokens", ",".join(map(str, ids[:200]))),
                      ("--text", "a text of some words"), ("--text", "the ", "--generate", "500"),
                      ("--text", "the ", "--generate", "100", "--streams", "3"),
                      ("--batch", prompts, "--generate", "10"),
                      ("--tokens-file", file, "--do", "silence x:0-40")):
            with self.subTest(given=given):
                predicted, found = self.predicted_and_found(*given, "--record", "events")
                self.assertLess(abs(predicted / found - 1), 0.1, (predicted, found))

    def test_the_limit_holds_for_files_of_ids(self):
        file = self.path("ids", b"1 " * 1_000_000)
        self.refused(1, "run", self.random, "--tokens-file", file, "-o", self.path("big"),
                     "--record", "snapshot", "--quiet", says=("about 12", "GB", "10 GB", "--force"))
        self.assertFalse(os.path.exists(self.path("big")))

    def refused_as_too_much(self, *arguments):
        self.refused(1, *arguments, says=("TB", "10 GB", "--force"))
        process = self.start(*arguments, "--force", stderr=subprocess.DEVNULL)
        self.wait_for(lambda: os.path.exists(self.path("big/summary.csv")), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        shutil.rmtree(self.path("big"))


class Layout(RecordingTest):
    def test_every_report_is_well_formed(self):
        self.good("run", self.random, "--text", "hello world, hello", "-o", self.path("run"),
                  *records(), "--quiet")
        self.assertWhole(self.path("run"))
        self.assertEqual(len(reports(self.path("run"))), 1 + 6 + 3 + 1 + 3 + 3 + 3)
        self.assertFalse([name for name in os.listdir(self.path("run"))
                          if name.endswith(".journal")])
        listed = json.loads(contents(self.path("run/run.json")))["reports"]
        self.assertEqual(sorted(r["file"] for r in listed), reports(self.path("run")))

    def test_positions_go_on_from_a_state(self):
        self.good("run", self.random, "--text", "hello", "--save-state", self.path("s.h5"),
                  "--quiet")
        self.good("run", self.random, "--text", "world", "--state", self.path("s.h5"), "-o",
                  self.path("run"), "--quiet", *records(["x:all every 3", "logits"]))
        self.assertWhole(self.path("run"))
        # positions 6 and 9
        self.assertEqual(check(self.path("run/x_1.h5")).stdout.split()[0], "12")
        self.assertEqual(self.json("info", self.path("run"))["recorded_tokens"], 5)
        self.refused(1, "verify", self.random, self.path("run/logits.h5"), says=("from 5 on",))


class SameBits(RecordingTest):
    def test_recording_changes_no_bit(self):
        arguments = ("run", self.trained, "--text", "ROMEO:", "--generate", "60", "--temperature",
                     "1", "--seed", "3", "--quiet")
        plain = self.good(*arguments, "--save-state", self.path("plain.h5")).stdout
        watched = self.good(*arguments, "--save-state", self.path("watched.h5"), "-o",
                            self.path("run"),
                            *records(["logits", "events", "x:all", "snapshot every 50"])).stdout
        self.assertEqual(plain, watched)
        self.assertEqual(contents(self.path("plain.h5")), contents(self.path("watched.h5")))

    def test_recordings_do_not_depend_on_threads_and_sites(self):
        arguments = ("run", self.random, "--text", "hello world, hello", "--quiet", *records())
        self.good(*arguments, "-o", self.path("a"), "--threads", "1", "--sites", "1")
        self.good(*arguments, "-o", self.path("b"), "--threads", "2", "--sites", "5")
        for name in reports(self.path("a")):
            self.assertEqual(contents(self.path("a/" + name)), contents(self.path("b/" + name)),
                             name)


@unittest.skipIf(content is None, "no h5py or numpy")
class Surprisal(RecordingTest):
    def of_run(self, *arguments):
        folder = self.path("run")
        self.good("run", self.random, "--text", "To be, or not to be", "--generate", "9", "-o",
                  folder, "--record", "logits", "--quiet", *arguments)
        run = content.run_content(folder)
        shutil.rmtree(folder)
        return run

    def test_it_is_that_of_the_logits_before_the_token(self):
        state = self.path("state.h5")
        self.good("run", self.random, "--text", "abc", "--save-state", state, "--quiet")
        for more in ((), ("--prefill", "blocks"), ("--state", state), ("--temperature", "1"),
                     ("--record", "events", "--sites", "3")):
            with self.subTest(more):
                run = self.of_run(*more)
                logits = run["logits/values"].astype(numpy.float64)
                largest = logits.max(axis=1, keepdims=True)
                sums = numpy.log(numpy.exp(logits - largest).sum(axis=1)) + largest[:, 0]
                after = run["token"][1:].astype(int)
                expected = (sums[:-1] - logits[numpy.arange(len(after)), after])
                self.assertEqual(run["surprisal of"].tolist(), list(range(1, len(after) + 1)))
                numpy.testing.assert_allclose(run["surprisal"], expected, rtol=0, atol=1e-12)


class Endings(RecordingTest):
    def test_ctrl_c_keeps_everything(self):
        process = self.start("run", self.random, "--text", "A", "--generate", "10000000", "--force",
                             "-o", self.path("run"), *records(["logits", "events"]),
                             stderr=subprocess.DEVNULL)
        self.wait_for(lambda: lines(self.path("run/summary.csv")) > 500, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        self.assertWhole(self.path("run"))
        run = json.loads(contents(self.path("run/run.json")))
        self.assertEqual(run["status"], "interrupted")
        for name in reports(self.path("run")):
            self.assertEqual(float(check(self.path("run/" + name)).stdout.split()[0]),
                             run["tokens"])
            self.assertTrue(os.path.exists(self.path(f"run/{name}.journal")))


class Repair(RecordingTest):
    def interrupted(self):
        process = self.start("run", self.random, "-", "-o", self.path("run"), "--quiet", *records(),
                             stdin=subprocess.PIPE)
        process.stdin.write(b"hello world, hello")
        process.stdin.flush()
        self.wait_for(lambda: lines(self.path("run/tokens.csv")) == 19, process)
        process.kill()
        process.wait()
        self.good("run", self.random, "--text", "hello world, hello", "-o", self.path("whole"),
                  "--quiet", *records())

    def test_a_run_and_a_report_come_back(self):
        self.interrupted()
        damaged = reports(self.path("run"))
        for name in damaged:
            with open(self.path("run/" + name), "r+b") as f:
                f.write(bytes(600))
        self.refused(1, "info", self.path("run"), says=("not a whole HDF5 file", "bdh repair"))
        text = self.good("repair", self.path("run"), "-o", self.path("new")).stdout.decode()
        self.assertIn("18 tokens", text)
        self.assertWhole(self.path("new"))
        self.assertEqual(self.assertBegins(self.path("new"), self.path("whole")), 18)
        self.assertEqual(self.json("info", self.path("new"))["recorded_tokens"], 18)
        result = self.json("repair", self.path("run/events_x_1.h5"), "-o", self.path("one.h5"))
        self.assertEqual((result["rows"], result["damaged_bytes"]), (18, 0))
        self.assertEqual(contents(self.path("one.h5")), contents(self.path("new/events_x_1.h5")))
        self.assertEqual(contents(self.path("run/events_x_1.h5"))[:600], bytes(600))

    def test_what_cannot_be_repaired_is_refused(self):
        self.good("run", self.random, "--text", "hello", "-o", self.path("run"), "--quiet",
                  *records())
        self.refused(1, "repair", self.path("run/logits.h5"), "-o", self.path("new.h5"),
                     says=("logits.h5.journal", "whole"))
        self.refused(1, "repair", self.path("run"), "-o", self.path("run"),
                     says=("not an empty folder",))
        self.refused(1, "repair", self.path("none"), "-o", self.path("new"), says=("none",))
        self.refused(1, "repair", self.folder, "-o", self.path("new"), says=("run.json",))
        self.assertIn("copied", self.good("repair", self.path("run"), "-o",
                                          self.path("copy")).stdout.decode())
        self.assertWhole(self.path("copy"))


class KillTest(RecordingTest):
    def kill_at_random_points(self, rounds):
        """In each round while the folder is being made, as the run begins, within its first tokens,
        after hundreds, and about a commit."""
        moments = random.Random(7)
        times = 5 * rounds
        arguments = ["run", self.random, "--text", "A", "--temperature", "1", "--seed", "5",
                     "--quiet", *records(EVERYTHING)]
        tokens = []
        for k in range(times):
            folder = self.path(f"run{k}")
            process = self.start(*arguments, "--generate", "10000000", "--force", "-o", folder)
            self.wait_for(lambda: os.path.exists(folder if k % 5 == 0 else folder + "/run.json"),
                          process)
            if k % 5 == 2 or k % 5 == 3:
                least = moments.randrange(*((1, 30) if k % 5 == 2 else (150, 450)))
                self.wait_for(lambda: lines(folder + "/summary.csv") > least, process)
            if k % 5 == 4:
                time.sleep(moments.uniform(0.9, 1.1))  # a run commits about every second
            process.kill()
            process.wait()
            tokens.append(self.after_a_kill(folder, self.path(f"new{k}")))
        self.compare(arguments, times, tokens)

    def after_a_kill(self, folder, new):
        """The files open and are well formed; the journals give all tokens whose lines exist."""
        if not os.path.exists(folder + "/run.json"):
            return None  # it was still being made
        self.assertEqual(reports(folder),
                         sorted(r["file"]
                                for r in json.loads(contents(folder + "/run.json"))["reports"]))
        self.assertWhole(folder)
        self.good("info", folder)
        result = self.json("repair", folder, "-o", new)
        self.assertWhole(new)
        self.assertLessEqual(abs(result["tokens"] - (lines(folder + "/summary.csv") - 1)), 1)
        self.assertTrue(all(r["damaged_bytes"] < 1 << 20 for r in result["rebuilt"]))
        self.assertEqual(self.json("info", new)["recorded_tokens"], result["tokens"])
        return result["tokens"]

    def compare(self, arguments, times, tokens):
        """Every value is that of a run that was not killed."""
        most = max(t for t in tokens if t is not None)
        self.assertGreater(most, 100)
        self.good(*arguments, "--generate", most + 10, "--force", "-o", self.path("whole"))
        for k in range(times):
            if tokens[k] is None:
                continue
            committed = self.assertBegins(self.path(f"run{k}"), self.path("whole"))
            rebuilt = self.assertBegins(self.path(f"new{k}"), self.path("whole"))
            self.assertGreaterEqual(rebuilt, committed)
            self.assertGreaterEqual(rebuilt, tokens[k])
        print("tokens recorded when killed (None: before the first):", tokens)


class Killed(KillTest):
    def test_five_kills(self):
        self.kill_at_random_points(1)


class KilledOften(KillTest):
    def test_twenty_kills(self):
        self.kill_at_random_points(4)


if __name__ == "__main__":
    main()
