"""Texts read in blocks: equal to token by token up to rounding, the same bits however they arrive,
stop, go on or are divided."""
import json
import os
import re
import signal
import subprocess

from program import PATIENCE, CliTest, bdh, main, unread

LINE = b"To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer "
TEXT = (LINE * 60)[:2000]


class PrefillTest(CliTest):
    def text(self, content=TEXT):
        return self.path("text", content)

    def read(self, name):
        with open(name) as f:
            return f.read().splitlines()

    def summary(self, folder):
        """The lines without what depends on the machine: bytes between sites, seconds."""
        lines = [line.split(",") for line in self.read(os.path.join(folder, "summary.csv"))]
        left_out = {lines[0].index("bytes_exchanged"), lines[0].index("seconds")}
        return [[value for k, value in enumerate(line) if k not in left_out] for line in lines]

    def same(self, a, b):
        self.assertEqual(self.summary(a), self.summary(b))
        self.assertEqual(self.read(os.path.join(a, "tokens.csv")),
                         self.read(os.path.join(b, "tokens.csv")))
        done = bdh("diff", a, b)
        self.assertEqual(done.returncode, 0, done.stdout)

    def run_blocks(self, folder, *more, prefill="blocks"):
        self.good("run", self.random, "--text-file", self.text(), "--generate", "30", "-o", folder,
                  "--record", "logits", "--prefill", prefill, "--quiet", "--retention", "0.99",
                  *more)
        return folder


class Blocks(PrefillTest):
    def test_they_agree_with_tokens_and_diff_shows_the_paths(self):
        blocks, tokens = self.run_blocks(self.path("a")), self.run_blocks(self.path("b"),
                                                                          prefill="tokens")
        with open(os.path.join(blocks, "run.json")) as f:
            self.assertEqual(json.load(f)["options"]["prefill"], "blocks")
        done = bdh("diff", blocks, tokens, "--tolerance", "0.01")
        self.assertIn(b'"blocks" and "tokens"', done.stdout)
        self.assertIn(b"equal up to rounding", done.stdout)
        largest = json.loads(bdh("diff", blocks, tokens,
                                 "--json").stdout)["output"]["largest_logit_difference"]["value"]
        self.assertLess(largest, 1e-4)
        self.assertEqual(len(self.summary(blocks)), 1 + len(TEXT) + 30)
        for a, b in zip(self.summary(blocks)[1:], self.summary(tokens)[1:]):
            if a[-1]:
                # the loss of every token
                self.assertAlmostEqual(float(a[-1]), float(b[-1]), delta=1e-4)

    def test_threads_sites_and_the_way_the_text_arrives_change_no_bit(self):
        blocks = self.run_blocks(self.path("a"), "--threads", "1")
        self.same(blocks, self.run_blocks(self.path("b"), "--threads", "3", "--sites", "5"))
        folder = self.path("c")
        process = self.start("run", self.random, "-", "--generate", "30", "-o", folder, "--record",
                             "logits", "--prefill", "blocks", "--quiet", "--retention", "0.99",
                             stdin=subprocess.PIPE)
        for first in range(0, len(TEXT), 333):
            process.stdin.write(TEXT[first:first + 333])
            process.stdin.flush()
            self.wait_for(lambda: unread(process.stdin) == 0, process)
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        self.same(blocks, folder)

    def test_json_has_the_same_tokens(self):
        arguments = ["run", self.trained, "--text", "To be, or not to be, " * 20, "--generate",
                     "20"]
        blocks, tokens = self.json(*arguments, "--prefill", "blocks"), self.json(*arguments)
        self.assertEqual(blocks["generated"], tokens["generated"])
        self.assertAlmostEqual(blocks["nats_per_token"], tokens["nats_per_token"], delta=1e-5)

    def test_a_state_within_a_block_goes_on(self):
        for prefill in ("blocks", "tokens"):
            self.good("run", self.random, "--text", "x" * 100, "--save-state", self.path("begun"),
                      "--quiet")
            self.good("run", self.random, "--text", "y" * 100, "--state", self.path("begun"),
                      "--save-state", self.path(prefill), "--quiet", "-o",
                      self.path("run" + prefill), "--record", "logits", "--prefill", prefill)
        value = json.loads(bdh("diff", self.path("runblocks"), self.path("runtokens"),
                               "--json").stdout)["output"]["largest_logit_difference"]
        self.assertLess(value["value"], 1e-4)


class Stops(PrefillTest):
    def test_interrupted_runs_go_on_in_blocks_with_the_same_bits(self):
        whole, folder, stops = self.run_blocks(self.path("a")), self.path("b"), 0
        options = ["--generate", "30", "-o", folder, "--record", "logits", "--prefill", "blocks",
                   "--quiet", "--retention", "0.99"]
        # The text comes slowly, so that stops come while a block is being filled.
        process = self.start("run", self.random, "-", *options, stdin=subprocess.PIPE)
        read = 0
        while True:
            for first in range(read, min(read + 700, len(TEXT)), 100):
                process.stdin.write(TEXT[first:first + 100])
                process.stdin.flush()
                self.wait_for(lambda: unread(process.stdin) == 0, process)
            if read + 700 < len(TEXT):
                self.wait_for(lambda: self.tokens(folder) > read, process)
                process.send_signal(signal.SIGINT)
            else:
                process.stdin.close()  # not beside a signal: it could come first
            code = process.wait(PATIENCE)
            if code == 0:
                break
            self.assertEqual(code, 130)
            stops += 1
            read = self.tokens(folder)
            self.assertEqual(read % 64, 0)  # a checkpoint is between blocks
            process = self.start("resume", folder, "-", "--quiet", stdin=subprocess.PIPE)
        self.assertGreater(stops, 1)
        self.same(whole, folder)

    def tokens(self, folder):
        path = os.path.join(folder, "tokens.csv")
        return len(self.read(path)) - 1 if os.path.exists(path) else 0

    def test_checkpoints_are_between_blocks(self):
        folder = self.path("run")
        process = self.start("run", self.random, "-", "-o", folder, "--prefill", "blocks",
                             "--quiet", "--checkpoint-every", "100", stdin=subprocess.PIPE)
        process.stdin.write(TEXT[:600])
        process.stdin.flush()
        self.wait_for(lambda: len(self.checkpoints(folder)) >= 2, process)
        process.kill()
        process.wait()
        found = self.checkpoints(folder)
        # three when it was killed between writing one and deleting the oldest
        self.assertGreaterEqual(len(found), 2)
        for position in found:
            self.assertEqual(position % 64, 0)
        self.good("resume", folder, "-", "--quiet", stdin=TEXT[max(found):])
        self.good("run", self.random, "--text-file", self.text(), "-o", self.path("whole"),
                  "--prefill", "blocks", "--quiet")
        self.same(self.path("whole"), folder)

    def checkpoints(self, folder):
        if not os.path.isdir(folder):
            return []
        return [int(found[1]) for found in map(re.compile(r"checkpoint-(\d+)\.h5$").match,
                                               os.listdir(folder)) if found]


class Refused(PrefillTest):
    def test_what_looks_into_every_token(self):
        for what in (["--record", "events"], ["--record", "x:0-3"], ["--record", "synapses:3->7"],
                     ["--record", "snapshot every 100"]):
            self.refused(1, "run", self.random, "--text", "abc", "--prefill", "blocks", "-o",
                         self.path("run"), *what, says=["--prefill blocks", what[1].split()[0],
                                                        "looks into every token"])
        self.refused(1, "run", self.random, "--text", "abc", "--prefill", "blocks", "--do",
                     "silence x:3", says=["--prefill blocks", "interventions"])

    def test_explicit_edges(self):
        direct = self.path("direct.bdh.h5")
        self.good("import", os.path.join(os.environ["BDH_SOURCE"],
                                         "tests/data/random-64/model.safetensors"), "--circuit",
                  "direct", "-o", direct)
        self.refused(1, "run", direct, "--text", "abc", "--prefill", "blocks",
                     says=["--prefill blocks", "explicit edges"])

    def test_several_streams(self):
        self.refused(2, "run", self.random, "--text", "abc", "--streams", "2", "--prefill",
                     "blocks", says=["--prefill blocks", "one stream"])

    def test_another_word(self):
        self.refused(2, "run", self.random, "--text", "abc", "--prefill", "both",
                     says=["--prefill"])


class Evaluate(PrefillTest):
    def test_the_same_losses(self):
        for more in ([], ["--window", "100"], ["--window", "64", "--limit", "1000"],
                     ["--limit", "300"], ["--weights", "bf16", "--limit", "500"]):
            arguments = ["evaluate", self.trained, "--text-file", self.text(TEXT[:1200]),
                         "--by-position", *more]
            blocks, tokens = self.json(*arguments, "--prefill", "blocks"), self.json(*arguments)
            self.assertEqual((blocks["predictions"], blocks["windows"], blocks["tokens"]),
                             (tokens["predictions"], tokens["windows"], tokens["tokens"]))
            for a, b in zip(blocks["by_position"], tokens["by_position"]):
                self.assertEqual(a["predictions"], b["predictions"])
                self.assertAlmostEqual(a["nats"], b["nats"], delta=1e-4)


class Hint(PrefillTest):
    def test_only_where_blocks_would_be_faster(self):
        hint = b"--prefill blocks"
        self.assertIn(hint, self.good("run", self.random, "--text-file", self.text()).stderr)
        self.assertNotIn(hint, self.good("run", self.random, "--text", "short").stderr)
        self.assertNotIn(hint, self.good("run", self.random, "--text-file", self.text(),
                                         "--prefill", "blocks").stderr)
        self.assertNotIn(hint, self.good("run", self.random, "--text-file", self.text(), "--do",
                                         "silence x:3").stderr)
        self.assertNotIn(hint, self.good("run", self.random, "--text-file", self.text(), "-o",
                                         self.path("r"), "--record", "events").stderr)


if __name__ == "__main__":
    main()
