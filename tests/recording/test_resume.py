"""Runs that are stopped and go on: the same bits in every report as if nothing had happened, on any
number of threads and sites."""
import json
import os
import random
import shutil
import signal
import subprocess
import time

from program import listens, main
from test_recording import RecordingTest, lines, records

LINE = b"To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer "
TEXT = (LINE * 60)[:4000]
OPTIONS = ["--record", "logits", "--record", "events", "--record", "synapses:3->7,random:5@1",
         "--record", "x:0-9 every 7", "--record", "pairs:top:20 every 5",
         "--record", "pairs:top:3 layers 2 factor y"]
DONE = ["--do", "silence x:3-9 tokens 500-900", "--do", "lesion synapses:5->7 from 300", "--do",
        "set synapses:8->7 0.5 at 1000", "--do", "lesion 11 tokens 700-1500", "--do",
        "stimulate y:20 0.25 layers 2 from 2000"]


class ResumeTest(RecordingTest):
    def begin(self, folder, *more, text=None):
        with open(self.path("text"), "wb") as f:
            f.write(text or TEXT)
        return self.start("run", self.random, "--text-file", self.path("text"), "-o", folder,
                          "--generate", "500", "--temperature", "1", "--seed", "5", "--retention",
                          "0.99", *OPTIONS, *DONE, "--quiet", *more)

    def go_on(self, folder, *more):
        return self.start("resume", folder, "--quiet", *more)

    @staticmethod
    def work(process, folder, tokens):
        """Until it listens to signals and has read so many more tokens, or has ended."""
        until = lines(folder + "/summary.csv") + tokens
        while process.poll() is None and not (listens(process)
                                              and lines(folder + "/summary.csv") >= until):
            time.sleep(0.002)

    def killed(self, folder, checkpoint, *more):
        """A run that was killed before its end, but not before it had this checkpoint."""
        while True:
            process = self.begin(folder, *more)
            while process.poll() is None and not os.path.exists(os.path.join(folder, checkpoint)):
                time.sleep(0.002)
            process.kill()
            process.wait()
            if self.status(folder) != "complete":
                break
            shutil.rmtree(folder)

    def whole(self):
        folder = self.path("whole")
        self.assertEqual(self.begin(folder).wait(), 0)
        return folder

    def same(self, a, b):
        self.assertBegins(a, b)
        self.assertBegins(b, a)
        for name, left_out in (("tokens.csv", []), ("summary.csv", ["bytes_exchanged", "seconds"])):
            tables = []
            for folder in (a, b):
                with open(os.path.join(folder, name), newline="") as f:
                    lines = f.read().splitlines()
                skipped = [lines[0].split(",").index(column) for column in left_out]
                tables.append([[v for k, v in enumerate(line.split(",")) if k not in skipped]
                               for line in lines])
            self.assertEqual(*tables)

    def status(self, folder):
        with open(os.path.join(folder, "run.json")) as f:
            return json.load(f)["status"]


class Stops(ResumeTest):
    def test_twenty_interruptions_change_nothing(self):
        whole, folder = self.whole(), self.path("run")
        dice, stops, process = random.Random(1), 0, self.begin(folder)
        while stops < 20:
            self.work(process, folder, dice.choice([0, 1, dice.randrange(400)]))
            if process.poll() is None:
                process.send_signal(dice.choice([signal.SIGINT, signal.SIGTERM]))
            code = process.wait()
            if code == 0:  # it came to its end in time: once more, from the start
                self.same(folder, whole)
                shutil.rmtree(folder)
                process = self.begin(folder)
                continue
            self.assertIn(code, (130, 143))
            if not os.path.exists(os.path.join(folder, "run.json")):
                process = self.begin(folder)
                continue
            stops += 1
            self.assertIn(self.status(folder), ("interrupted", "running"))
            # not a token had been read
            if not any(name.startswith("checkpoint-") for name in os.listdir(folder)):
                shutil.rmtree(folder)
                process = self.begin(folder)
                continue
            process = self.go_on(folder, "--threads", str(dice.choice([1, 2])), "--sites",
                                 str(dice.choice([1, 2, 3])))
        self.assertEqual(process.wait(), 0)
        self.assertEqual(self.status(folder), "complete")
        self.same(folder, whole)
        self.assertFalse([n for n in os.listdir(folder) if n.startswith("checkpoint-")
                          or n.endswith(".journal")])

    def test_kills_go_on_from_the_last_checkpoint(self):
        whole, folder = self.whole(), self.path("run")
        dice, process = random.Random(2), self.begin(folder, "--checkpoint-every", "300")
        for _ in range(6):
            self.work(process, folder, dice.randrange(700))
            process.kill()
            process.wait()
            kept = [n for n in os.listdir(folder)
                    if n.startswith("checkpoint-")] if os.path.exists(folder) else []
            # the third is about to go
            self.assertLessEqual(len([n for n in kept if n.endswith(".h5")]), 3)
            if not [n for n in kept if n.endswith(".h5")] or self.status(folder) == "complete":
                shutil.rmtree(folder, ignore_errors=True)
                process = self.begin(folder, "--checkpoint-every", "300")
            else:
                process = self.go_on(folder, "--sites", str(dice.choice([1, 2])))
        self.assertEqual(process.wait(), 0)
        self.same(folder, whole)

    def test_rounded_weights_and_synapses_stay_rounded(self):
        whole, folder, rounded = self.path("whole"), self.path("run"), ["--weights", "bf16",
                                                                        "--synapses", "bf16"]
        self.assertEqual(self.begin(whole, *rounded).wait(), 0)
        self.killed(folder, "checkpoint-300.h5", *rounded, "--checkpoint-every", "300")
        self.assertEqual(self.go_on(folder).wait(), 0)
        self.same(folder, whole)

    def test_a_torn_checkpoint_is_refused_and_the_one_before_used(self):
        whole, folder = self.whole(), self.path("run")
        self.killed(folder, "checkpoint-300.h5", "--checkpoint-every", "100")
        kept = sorted((n for n in os.listdir(folder) if n.startswith("checkpoint-")
                       and n.endswith(".h5")), key=lambda n: int(n[len("checkpoint-"):-len(".h5")]))
        newest = os.path.join(folder, kept[-1])
        with open(newest, "r+b") as f:
            f.truncate(os.path.getsize(newest) // 2)
        done = self.good("resume", folder)
        self.assertIn("a damaged checkpoint is left out: " + newest, done.stderr.decode())
        self.same(folder, whole)

    def test_standard_input_goes_on_with_the_rest(self):
        arguments = ["run", self.random, "-", "--record", "logits", "--quiet", "--generate", "3"]
        self.good(*arguments, "-o", self.path("whole"), stdin=TEXT[:90])
        process = self.start(*arguments, "-o", self.path("run"), stdin=subprocess.PIPE)
        process.stdin.write(TEXT[:60])
        process.stdin.flush()
        self.wait_for(lambda: lines(self.path("run/tokens.csv")) >= 60, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        self.refused(1, "resume", self.path("run"), says=("standard input", "the rest of it"))
        self.good("resume", self.path("run"), "-", "--quiet", stdin=TEXT[60:90])
        self.same(self.path("run"), self.path("whole"))


    def test_a_limit_ends_the_text_after_a_stop_too(self):
        whole, folder = self.path("whole"), self.path("run")
        self.assertEqual(self.begin(whole, text=TEXT[:2500]).wait(), 0)
        process = self.begin(folder, "--limit", "2500")
        self.work(process, folder, 300)
        process.send_signal(signal.SIGINT)
        self.assertIn(process.wait(), (0, 130))
        if self.status(folder) != "complete":
            self.good("resume", folder, "--quiet")
        self.same(folder, whole)

    def test_a_limit_ends_standard_input(self):
        options = ["--record", "logits", "--generate", "3", "--quiet", "-o"]
        self.good("run", self.random, "--text", TEXT[:40].decode(), *options, self.path("whole"))
        process = self.start("run", self.random, "-", "--limit", "40", *options, self.path("run"),
                             stdin=subprocess.PIPE)
        process.stdin.write(TEXT[:30])
        process.stdin.flush()
        self.wait_for(lambda: lines(self.path("run/tokens.csv")) >= 30, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        # Not to its end, for which nothing waits.
        process = self.start("resume", self.path("run"), "-", "--quiet", stdin=subprocess.PIPE)
        process.stdin.write(TEXT[30:90])
        process.stdin.flush()
        self.assertEqual(process.wait(), 0)
        self.same(self.path("run"), self.path("whole"))


class Refusals(ResumeTest):
    def interrupted(self):
        folder = self.path("run")
        self.killed(folder, "checkpoint-50.h5", "--checkpoint-every", "50")
        return folder

    def test_what_cannot_go_on_says_why(self):
        self.refused(1, "resume", self.path("nothing"), says=("nothing",))
        self.refused(1, "resume", self.whole(), says=("a complete run",))
        folder = self.interrupted()
        with open(self.path("text"), "wb") as f:
            f.write(b"x" + TEXT[1:])
        self.refused(1, "resume", folder, "--quiet", says=("input[0]", "the text has changed"))
        with open(self.path("text"), "wb") as f:
            f.write(TEXT)
        self.refused(1, "resume", folder, "-", says=("'-'", "goes on with the text"))
        for name in os.listdir(folder):
            if name.startswith("checkpoint-"):
                os.remove(os.path.join(folder, name))
        self.refused(1, "resume", folder, says=("no checkpoint",))
        with open(os.path.join(folder, "run.json")) as f:
            run = json.load(f)
        run["options"] = {"model": 3}
        with open(os.path.join(folder, "run.json"), "w") as f:
            json.dump(run, f)
        self.refused(1, "resume", folder, says=("run.json", "options of another kind"))

    def test_interventions_that_cannot_be_are_refused_before_anything_runs(self):
        rows = [("lesion 64", ("'64'", "0 to 63")), ("silence x:3 tokens 5-2", ("5-2",)),
                ("freeze at 40", ("token 40", "0 to 2")), ("dance", ("'dance'", "lesion, silence")),
                ("inhibition 0.5", ("through hubs", "--circuit direct")),
                ("clamp x:3", ("a value >= 0",)), ("lesion synapses:1->99", ("'99'", "0 to 63")),
                ("freeze layers 9", ("'9'", "1 to 3"))]
        for text, says in rows:
            with self.subTest(text):
                self.refused(1, "run", self.random, "--text", "abc", "-o", self.path("run"), "--do",
                             text, says=says)
                self.assertFalse(os.path.exists(self.path("run")))
        self.refused(2, "run", self.random, "--text", "abc", "--checkpoint-every", "5",
                     says=("needs -o",))

    def test_an_intervention_that_changes_nothing_leaves_every_bit(self):
        self.good("run", self.random, "--text-file", self.text(), "-o", self.path("a"), "--quiet",
                  *records(["logits", "events"]))
        self.good("run", self.random, "--text-file", self.text(), "-o", self.path("b"), "--quiet",
                  "--do", "stimulate x:all 0", "--do", "stimulate y:all 0",
                  *records(["logits", "events"]))
        self.same(self.path("a"), self.path("b"))
        self.good("run", self.random, "--text-file", self.text(), "-o", self.path("c"), "--quiet",
                  "--do", "silence x:0-31", *records(["logits", "events"]))
        with self.assertRaises(AssertionError):
            self.same(self.path("a"), self.path("c"))

    def text(self):
        with open(self.path("text"), "wb") as f:
            f.write(TEXT[:100])
        return self.path("text")


if __name__ == "__main__":
    main()
