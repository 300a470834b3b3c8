"""Several streams over one model: each gives the run that it gives alone."""
import json
import os
import re
import signal
import subprocess

from program import PATIENCE, CliTest, bdh, main, small_checkpoint

LINES = ("ROMEO:", "O, she doth teach the torches to burn bright!", "Is",
         "It is the east, and Juliet is the sun.", "But soft")
SAMPLED = ("--generate", "12", "--temperature", "0.9", "--top-k", "20")


def contents(path):
    with open(path, "rb") as f:
        return f.read()


def unescaped(text):
    """What `run` wrote on one line, as bytes."""
    return re.sub(rb"\\(x[0-9a-f]{2}|.)", lambda m: bytes([int(m[1][1:], 16)]) if len(m[1]) == 3
                  else {b"n": b"\n", b"t": b"\t"}.get(m[1], m[1]), text)


class Streams(CliTest):
    def alone(self, *arguments):
        return self.good("run", self.trained, *arguments, "--quiet").stdout

    def together(self, *arguments, **more):
        lines = self.good("run", self.trained, *arguments, "--quiet", **more).stdout.split(b"\n")
        self.assertEqual(lines.pop(), b"")
        numbers, texts = zip(*(line.split(b"\t") for line in lines))
        self.assertEqual([int(n) for n in numbers], list(range(len(lines))))
        return [unescaped(text) for text in texts]

    def test_every_line_is_a_run_of_its_own(self):
        batch = self.path("batch", "\n".join(LINES).encode() + b"\n")
        expected = [self.alone("--text", line, *SAMPLED, "--seed", str(7 + k)) for k,
                    line in enumerate(LINES)]
        self.assertEqual(len(set(expected)), len(LINES))
        for at_a_time in ("1", "2", "3", "16"):
            self.assertEqual(self.together("--batch", batch, *SAMPLED, "--seed", "7", "--streams",
                                           at_a_time), expected)
        self.assertEqual(self.together("--batch", "-", *SAMPLED, "--seed", "7", "--threads", "3",
                                       stdin="\r\n".join(LINES).encode()), expected)

    def test_streams_of_one_text_differ_in_their_seeds(self):
        text = ("--text", "ROMEO:", *SAMPLED)
        samples = self.together(*text, "--seed", "3", "--streams", "4")
        self.assertEqual(samples, [self.alone(*text, "--seed", str(3 + k)) for k in range(4)])
        self.assertEqual(len(set(samples)), 4)

    def test_json_shows_of_each_and_of_all(self):
        result = self.json("run", self.trained, "--batch",
                         self.path("batch", "\n".join(LINES).encode()), "--generate", "3",
                         "--streams", "2")
        self.assertEqual([(s["stream"], s["line"], s["status"], s["tokens"])
                          for s in result["streams"]], [(k, k + 1, "complete", len(line) + 3) for k,
                                                      line in enumerate(LINES)])
        for stream, line in zip(result["streams"], LINES):
            one = self.json("run", self.trained, "--text", line, "--generate", "3")
            for key in ("generated", "nats_per_token", "synaptic_events", "active_x_percent"):
                self.assertEqual(stream[key], one[key])
        self.assertEqual((result["tokens"], result["at_a_time"]),
                         (sum(len(line) + 3 for line in LINES), 2))
        self.assertAlmostEqual(result["tokens_per_second"] * result["seconds"], result["tokens"])

    def test_it_shows_memory_before_and_rates_after(self):
        result = self.good("run", self.trained, "--text", "Now", "--streams", "3").stderr.decode()
        self.assertRegex(result.split("\n")[0],
                         r"^3 streams, 3 at a time: [\d.]+ MB of synapses each, [\d.]+ MB in all$")
        self.assertRegex(result, r"\n3 streams, 9 tokens in .* s: [\d,]+ tokens/s in all, [\d,]+ "
                         r"in a stream\n")
        self.assertIn("over 6 predictions", result)

    def test_each_folder_is_a_run_that_every_command_reads(self):
        folder, batch = self.path("runs"), self.path("batch", "\n".join(LINES).encode())
        options = ("--record", "events", "--do", "silence x:5-90 tokens 1-3", *SAMPLED, "--seed",
                   "7")
        self.together("--batch", batch, "-o", folder, *options, "--streams", "3")
        index = json.loads(contents(f"{folder}/streams.json"))
        self.assertEqual(index["streams"],
                         [{"folder": f"stream-{k:04}", "seed": 7 + k, "line": k + 1}
                          for k in range(len(LINES))])
        for k, line in enumerate(LINES):
            alone, own = self.path(f"alone{k}"), f"{folder}/stream-{k:04}"
            self.alone("--text", line, "-o", alone, *options[:-1], str(7 + k))
            self.good("diff", alone, own)
            self.assertEqual(json.loads(contents(f"{own}/run.json"))["status"], "complete")
            self.good("inspect", own, "neuron:100")
        self.refused(1, "inspect", folder, says=("streams", "stream-0000"))

    def test_a_stopped_stream_goes_on(self):
        folder = self.path("runs")
        text = ("--text", "ROMEO:", "--temperature", "1", "--seed", "5")
        process = self.start("run", self.trained, *text, "--generate", "1000000", "--streams", "3",
                             "-o", folder, "--quiet", stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        tokens = f"{folder}/stream-0002/tokens.csv"
        self.wait_for(lambda: os.path.exists(tokens) and contents(tokens).count(b"\n") > 20,
                      process)
        process.send_signal(signal.SIGINT)
        output, result = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertOneLine(result, "stopped by a signal", "3 of 3 streams", "bdh resume")
        self.assertEqual(output.count(b"\n"), 3)
        own = f"{folder}/stream-0002"
        run = json.loads(contents(f"{own}/run.json"))
        self.assertEqual((run["status"], run["options"]["seed"]), ("interrupted", 7))
        run["options"]["generate"] = run["tokens"] + 10  # a million would take long
        with open(f"{own}/run.json", "w") as f:
            json.dump(run, f)
        self.good("resume", own, "--quiet")
        self.alone(*text[:4], "--generate", run["tokens"] + 10, "--seed", "7", "-o",
                   self.path("alone"))
        self.good("diff", self.path("alone"), own)

    def test_a_bad_line_is_one_error_and_nothing_starts(self):
        folder = self.path("runs")
        self.refused(1, "run", self.trained, "--batch", self.path("batch", b"one\n\nthree\n"), "-o",
                     folder, says=("batch:2: an empty line, expected a prompt",))
        self.refused(1, "run", self.trained, "--batch", self.path("none", b""),
                     says=("none: no lines",))
        self.refused(1, "run", self.trained, "--batch", self.path("missing"),
                     says=("missing: no file that can be read",))
        ids = self.path("ids.bdh.h5")
        self.good("import", small_checkpoint(self.path("ids.safetensors"), 11), "--layers", "2",
                  "--theta", "100", "-o", ids)
        self.refused(1, "run", ids, "--batch", self.path("numbers", b"1 2 3\n4,11\n"), "-o", folder,
                     says=("numbers:2[1]: '11', expected a token, 0 to 10",))
        self.refused(1, "run", ids, "--batch", self.path("blank", b"1\n  \n"),
                     says=("blank:2: no tokens",))
        self.refused(1, "run", ids, "--batch", self.path("comma", b"1\n , 2\n"),
                     says=("comma:2[0]: nothing before a comma",))
        self.assertFalse(os.path.exists(folder))
        done = self.good("run", ids, "--batch", "-", "--generate", "3", "--quiet",
                         stdin=b"1 2 3\n4,10")
        self.assertRegex(done.stdout, rb"^0\t\d+,\d+,\d+\n1\t\d+,\d+,\d+\n$")

    def test_what_contradicts_is_bad_usage(self):
        batch = self.path("batch", b"a\n")
        for arguments in (("--batch", batch, "--text", "a"), ("-", "--streams", "2"),
                          ("--text", "a", "--streams", "0"), ("--text", "a", "--streams", "2",
                                                              "--save-state", self.path("s.h5"))):
            self.refused(2, "run", self.trained, *arguments)

    def test_more_than_the_memory_is_refused_with_numbers(self):
        self.refused(1, "run", self.trained, "--text", "a", "--streams", "1000000",
                     says=("--streams", "1000000 at a time", "at most", "GB"))

    def test_a_stream_that_overflows_leaves_the_others_alone(self):
        graph = self.path("g.csv", b"source,target,weight\na,b,1e20\nb,a,1e20\n")
        sensory = b"source,target,weight\n65,a,1\n65,b,1\n66,a,1e-30\n"
        wild = self.path("wild.bdh.h5")
        self.good("import", "--gx", graph, "--sensory", self.path("s.csv", sensory), "--layers", 1,
                  "-o", wild)
        done = bdh("run", wild, "--batch", self.path("batch", b"BBB\nBAAB\nBB\n"), "-o",
                   self.path("runs"), "--quiet")
        self.assertEqual(done.returncode, 1)
        self.assertOneLine(done.stderr, "stream 1 (line 2)", "finite")
        status = [json.loads(contents(self.path(f"runs/stream-000{k}/run.json")))["status"]
                  for k in range(3)]
        self.assertEqual(status, ["complete", "failed", "complete"])
        self.good("run", wild, "--text", "BBB", "-o", self.path("alone"))
        self.good("diff", self.path("alone"), self.path("runs/stream-0000"))


if __name__ == "__main__":
    main()
