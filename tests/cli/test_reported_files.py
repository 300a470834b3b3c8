"""Texts and names that users brought: byte order marks, names that are not UTF-8, long fields, and
seeds. Inputs are in tests/data/reported, or made here."""
import json
import os
import signal
import subprocess

from program import PROGRAM, SOURCE, CliTest, bdh, contents, main, small_checkpoint

REPORTED = os.path.join(SOURCE, "tests/data/reported")
MARK = b"\xef\xbb\xbf"


def reported(folder, file):
    return os.path.join(REPORTED, folder, file)


class Texts(CliTest):
    def output(self, *arguments, **more):
        return self.good(*arguments, "--quiet", **more).stdout

    def test_a_batch_with_a_mark_is_the_same_prompts(self):
        def texts(file, **more):
            return self.output("run", self.trained, "--batch", file, "--generate", 20, **more)
        plain = texts(reported("24-byte-order-marks", "prompts"))
        notepad = reported("24-byte-order-marks", "prompts-notepad")
        self.assertEqual(texts(notepad), plain)
        self.assertEqual(texts("-", stdin=contents(notepad)), plain)
        self.assertEqual(plain.count(b"\n"), 2)

    def test_a_script_with_a_mark_runs(self):
        script = contents(reported("24-byte-order-marks", "script-notepad"))
        self.assertEqual(script[:3], MARK)
        self.assertEqual(self.good("step", self.random, stdin=script).stdout,
                         self.good("step", self.random, stdin=script[3:]).stdout)

    def test_a_mark_is_no_token_of_a_text_file(self):
        for option, text in (("--text-file", b"To be"), ("--tokens-file", b"84,111 32\n98\n101"),
                             ("--text-file", MARK[:2]),
                             ("--text-file", b"a" + MARK)):
            plain = self.json("run", self.random, option, self.path("plain", text))
            marked = self.json("run", self.random, option, self.path("marked", MARK + text))
            for key in ("tokens", "nats_per_token", "synaptic_events"):
                self.assertEqual(marked[key], plain[key], (option, text))
        for text in (MARK + b"To be", b"To be"):  # all at once, and byte by byte
            self.assertEqual(self.json("run", self.random, "-", stdin=text)["tokens"], 5)
            process = self.start("run", self.random, "-", "--json", stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE)
            for byte in text:
                process.stdin.write(bytes([byte]))
                process.stdin.flush()
            self.assertEqual(json.loads(process.communicate()[0])["tokens"], 5)
        with open(self.path("marked", MARK + b"To be"), "rb") as marked:
            done = subprocess.run([PROGRAM, "run", self.random, "-", "--json"], stdin=marked,
                                  capture_output=True, check=True)
        self.assertEqual(json.loads(done.stdout)["tokens"], 5)

    def test_a_run_of_a_marked_text_goes_on_where_it_was(self):
        text, folder = self.path("text", MARK + b"To be, or not to be"), self.path("run")
        process = self.start("run", self.random, "--text-file", text, "--generate", 10**6, "-o",
                             folder, "--quiet")
        tokens = f"{folder}/tokens.csv"
        self.wait_for(lambda: os.path.exists(tokens) and contents(tokens).count(b"\n") > 30,
                      process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(), 130)
        run = json.loads(contents(f"{folder}/run.json"))
        generate = run["options"]["generate"] = run["tokens"] + 10
        with open(f"{folder}/run.json", "w") as f:
            json.dump(run, f)
        self.output("resume", folder)
        whole = self.path("whole")
        self.output("run", self.random, "--text", "To be, or not to be", "--generate", generate,
                    "-o", whole)
        self.good("diff", whole, folder)

    def test_sentences_and_lists_of_recordings_may_have_marks(self):
        def found(mark):
            return self.json("concepts", self.random, "--positive",
                             self.path("p", mark + b"".join(b"one %d\n" % i for i in range(20))),
                             "--negative",
                             self.path("n", mark + b"".join(b"%d red\n" % i for i in range(20))))
        plain, marked = found(b""), found(MARK)
        for one in (plain, marked):
            for key in [key for key in one if "memory" in key or "seconds" in key]:
                del one[key]
        self.assertEqual(marked, plain)
        plan = b'["x:0-9", "events"]'
        for mark, folder in ((b"", "a"), (MARK, "b")):
            self.output("run", self.random, "--text", "To", "--record-file",
                        self.path("plan", mark + plan), "-o", self.path(folder))
        self.good("diff", self.path("a"), self.path("b"))
        self.assertEqual(sorted(os.listdir(self.path("a"))), sorted(os.listdir(self.path("b"))))

    def test_utf_16_is_refused_with_the_cure(self):
        for codec, shown in (("utf-16", "UTF-16"), ("utf-32", "UTF-32")):
            cure = (f"text in {shown}, expected UTF-8; iconv -f {shown} -t UTF-8 FILE > NEW "
                    "converts it")
            text = self.path("t", "token 65\n".encode(codec))
            for arguments in (("run", self.random, "--batch", text),
                              ("run", self.random, "--text-file", text),
                              ("run", self.random, "--tokens-file", text),
                              ("evaluate", self.random, "--text-file", text),
                              ("run", self.random, "--text", "a", "--record-file", text, "-o",
                               self.path("run")),
                              ("concepts", self.random, "--positive", text, "--negative", text)):
                self.refused(1, *arguments, says=(f"bdh: {text}: {cure}\n",))
            for arguments in (("step", self.random), ("run", self.random, "-"),
                              ("run", self.random, "--batch", "-")):
                self.refused(1, *arguments, stdin=contents(text),
                             says=(f"bdh: standard input: {cure}\n",))
        unmarked = self.path("u", "To be\nor not".encode("utf-16-le"))
        self.refused(1, "run", self.random, "--batch", unmarked,
                     says=("text in UTF-16LE, expected UTF-8",))


class Names(CliTest):
    """Of files, with bytes that are not UTF-8."""

    def test_every_json_is_valid(self):
        odd = os.fsencode(self.path("caf")) + b"\xe9"
        model, run = odd + b".bdh.h5", odd + b".run"
        shown = self.path("caf\ufffd.bdh.h5")

        def result(*arguments, **more):
            done = subprocess.run([PROGRAM, *arguments], capture_output=True, **more)
            self.assertEqual(done.returncode, 0, (arguments, done.stderr))
            return json.loads(done.stdout.decode())  # valid UTF-8
        checkpoint = odd + b".safetensors"
        os.link(small_checkpoint(self.path("c"), 256), checkpoint)
        imported = result("import", checkpoint, "--layers", "2", "-o", model, "--json")
        self.assertEqual(imported["file"], shown)
        result("stats", model, "--keep", "0.5", "--json")
        result("info", model, "--json")
        result("plan", model, "--json")
        result("evaluate", model, "--text-file", self.path("t", b"To be or"), "--json")
        result("run", model, "--text", "To be", "-o", run, "--json")
        result("inspect", run, "--json")
        result("diff", run, run, "--json")
        result("activity", run, "--json")
        result("activity", model, "--text", "To be", "--json")
        result("export", model, "-o", odd + b".csv", "--json")
        result("export", run, "-o", odd + b".nwb", "--json")
        result("concepts", model, "--positive",
               self.path("p", b"".join(b"one %d\n" % i for i in range(20))), "--negative",
               self.path("n", b"".join(b"%d red\n" % i for i in range(20))), "--json")
        graph = odd + b".csv"
        direct = odd + b".direct.bdh.h5"
        with open(graph, "wb") as f:
            f.write(b"source,target,weight\n0,1,1\n1,0,1\n")
        result("import", "--gx", graph, "--layers", "1", "-o", direct, "--json")
        result("reorder", direct, "-o", odd + b".ordered.bdh.h5", "--json")
        result("run", model, "--text", "a", "--streams", "2", "-o", odd + b".streams", "--json")


class Seeds(CliTest):
    def test_a_seed_of_65_bits_is_refused_everywhere(self):
        ring = reported("23-a-seed-of-65-bits", "ring.csv")
        target = self.path("m.bdh.h5")
        largest, beyond = 2**64 - 1, 2**64

        def imported(seed):
            return ("import", "--gx", ring, "--layers", 2, "--sensory", f"random:1@{seed}", "-o",
                    target, "--force")
        for seed in (beyond, 10**30, "-1", "+1", "1.0", "", " 1", "1 ", "0x1"):
            self.refused(1, *imported(seed),
                         says=(f"--sensory: 'random:1@{seed}', expected random:K@SEED with K from "
                               "1 to 6 and a seed below 2^64, or a file",))
        hashes = {self.good(*imported(seed)).stdout.splitlines()[-1]
                  for seed in (0, 1, largest)}
        self.assertEqual(len(hashes), 3)
        folder = self.path("runs")
        for arguments in (("run", self.random, "--text", "a", "--seed", beyond),
                          ("new", "erdos-renyi", "--neurons", 100, "--degree", 5, "-o",
                           self.path("n.bdh.h5"), "--seed", beyond),
                          ("stats", self.random, "--seed", beyond),
                          ("reorder", target, "--by", "community", "-o", self.path("r.bdh.h5"),
                           "--seed", beyond)):
            self.refused(2, *arguments, says=(f"--seed: '{beyond}', expected an integer >= 0 and "
                                              "below 2^64",))
        self.refused(1, "run", self.random, "--text", "a", "-o", folder, "--record",
                     f"x:random:1@{beyond}",
                     says=(f"'random:1@{beyond}', expected random:K@SEED with a seed below 2^64",))
        self.refused(1, "slice", self.random, "--neurons", f"random:2@{beyond}", "-o", target,
                     "--force",
                     says=(f"'random:2@{beyond}', expected random:K@SEED with a seed below 2^64",))
        self.refused(1, "step", self.random,
                     says=(f"'{beyond}', expected an integer >= 0 and below 2^64",),
                     stdin=f"text a\ngenerate 1 temperature 1 seed {beyond}\n".encode())
        # Streams have the seeds behind the first one.
        self.refused(1, "run", self.random, "--text", "a", "--streams", 2, "--seed", largest,
                     says=(f"--seed: {largest}, expected less",))
        self.good("run", self.random, "--text", "a", "--streams", 2, "--seed", largest - 1,
                  "--quiet")


class Messages(CliTest):
    def test_a_long_field_is_cut_in_the_middle(self):
        for field in ("1" + "x" * 100_000 + "9", "1" + "ä" * 50_000 + "9"):
            graph = self.path("g.csv", f"source,target,weight\n0,1,{field}\n".encode())
            done = self.refused(1, "import", "--gx", graph, "--layers", 1, "-o",
                                self.path("m.bdh.h5"), says=("g.csv:2: ",))
            self.assertLess(len(done.stderr), 1000)
        long = "--text-" + "x" * 100_000 + "9"
        for arguments in (("run", self.random, long), (long,),
                          ("import", "--gx", long, "--layers", 1, "-o", self.path("m.bdh.h5")),
                          ("run", self.random, "--text", "a", "--record", "x:" + long, "-o",
                           self.path("run")),
                          ("run", self.random, "--text", "a", "--do", "lesion " + long)):
            done = bdh(*arguments)
            self.assertIn(done.returncode, (1, 2))
            self.assertOneLine(done.stderr, "...")
            self.assertLess(len(done.stderr), 2000, arguments)

    def test_json_may_be_quiet(self):
        for arguments in (("run", self.random, "--text", "To be", "--generate", 3),
                          ("run", self.random, "--text", "To be", "--streams", 2),
                          ("run", self.random, "--text", "To be", "--record", "events", "-o",
                           self.path("run"))):
            done = self.good(*arguments, "--json", "--quiet")
            self.assertEqual(done.stderr, b"")
            self.assertGreaterEqual(json.loads(done.stdout)["tokens"], 5)

    def test_only_several_sites_exchange(self):
        for sites in (1, 2):
            text = self.good("run", self.random, "--text", "To be", "--sites", sites).stderr
            self.assertEqual(b"exchanged between sites: " in text, sites > 1)


if __name__ == "__main__":
    main()
