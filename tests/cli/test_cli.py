"""Every command and option of bdh, by what a user notices."""
import csv
import json
import os
import pty
import re
import signal
import subprocess

from program import (PATIENCE, PROGRAM, RANDOM, SOURCE, TRAINED, CliTest, bdh, convert, idles,
                     listens, main, safetensors, small_checkpoint, unread)

TEXT = b"ROMEO:\nO, she doth teach the torches to burn bright!\n"


def table(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def contents(path):
    with open(path, "rb") as f:
        return f.read()


class Help(CliTest):
    def test_help_names_every_command(self):
        done = self.good("--help")
        for command in ("import", "run", "evaluate", "info", "verify", "repair", "step", "inspect",
                        "diff", "devices", "selftest", "plot", "report"):
            self.assertIn(command.encode(), done.stdout)

    def test_help_as_a_word(self):
        self.assertEqual(self.good("help").stdout, self.good("--help").stdout)
        self.assertEqual(self.good("help", "run").stdout, self.good("run", "--help").stdout)

    def test_every_command_explains_its_options(self):
        expected = {"import": "--layers --heads --pairing --theta --eps --tokenizer --causal "
                    "--training-window --force -o", "run": "--text --text-file --tokens "
                    "--tokens-file --generate --temperature --top-k --seed -o --record "
                    "--record-file --force --threads --sites --json --quiet --retention --state "
                    "--save-state --instructions --device", "evaluate": "--text-file --tokens-file "
                    "--window --limit --retention --by-position --json --threads --sites",
                    "info": "--json --rounds",
                    "verify": "--tolerance --json --threads --sites --instructions",
                    "repair": "-o --json", "inspect": "--layer --csv --plot --json",
                    "diff": "--tolerance --top --json", "devices": "--json",
                    "selftest": "--device -o", "step": "--device",
                    "plot": "raster rates sparsity synapse", "report": "-o --limit --force",
                    "concepts": "--positive --negative --layer --head --factor --neurons --carry "
                    "--top --seed --trace -o --json", "activity": "--text --bins --bands -o --json"}
        for command, options in expected.items():
            text = self.good(command, "--help").stdout.decode()
            for option in options.split():
                self.assertIn(option, text, command)

    def test_commands_shows_all_that_help_prints(self):
        def walk(command, path):
            text = self.good(*path, "--help").stdout.decode()
            result = {name for o in command["options"] for name in [*o.get("short_names", []),
                                                                  *o.get("long_names", []),
                                                                  o.get("argument")] if name}
            result |= {below["name"] for below in command["commands"] if not below.get("hidden")}
            # What begins a line of the help: -o,--output FILE ..., or the name of an argument or a
            # command.
            printed = {name for line in re.findall(r"^  (\S+)", text, re.M)
                       for name in line.split(",")}
            self.assertEqual(printed, result, path)
            for below in command["commands"]:
                if not below.get("hidden"):
                    walk(below, [*path, below["name"]])
        everything = json.loads(self.good("commands").stdout)
        self.assertNotIn("\n  commands", self.good("--help").stdout.decode())
        walk(everything, [])
        run = next(c for c in everything["commands"] if c["name"] == "run")
        device = next(o for o in run["options"] if o.get("long_names") == ["--device"])
        self.assertEqual((device["type"], device["values"], device["unless_given"]),
                         ("DEVICE", ["cpu", "cuda"], "cpu"))

    def test_alone_it_prints_help_and_fails(self):
        done = bdh()
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"evaluate", done.stderr)

    def test_version(self):
        self.assertRegex(self.good("--version").stdout, rb"^bdh \d+\.\d+\.\d+\n")


class Import(CliTest):
    def test_shows_what_it_inferred_and_wrote(self):
        text = self.good("import", f"{RANDOM}/model.safetensors", "-o",
                         self.path("m.bdh.h5")).stdout.decode()
        for part in ("released code", "2 heads", "3 layers", "interleaved", "tokenizer bytes",
                     "64 neurons", "8 hubs", "wrote"):
            self.assertIn(part, text)

    def test_does_not_overwrite_unless_forced(self):
        target = self.path("m.bdh.h5")
        arguments = ("import", f"{RANDOM}/model.pt", "-o", target)
        self.good(*arguments)
        before = contents(target)
        self.refused(1, *arguments, "--layers", "2", says=("m.bdh.h5", "exists"))
        self.assertEqual(contents(target), before)
        self.good(*arguments, "--layers", "2", "--force")
        self.assertEqual(self.json("info", target)["layers"], 2)

    def test_options_reach_the_model(self):
        checkpoint = small_checkpoint(self.path("c.safetensors"), 300)
        options = ("--layers 5 --pairing half-split --theta 100 --eps 1e-3 --tokenizer byt5 "
                   "--training-window 77").split()
        self.good("import", checkpoint, "-o", self.path("m.bdh.h5"), *options)
        info = self.json("info", self.path("m.bdh.h5"))
        self.assertEqual((info["layers"], info["tokenizer"], info["training_window"],
                          info["renumbered"]), (5, "byt5", 77, True))
        self.assertAlmostEqual(info["dynamics"]["epsilon"], 1e-3)
        self.assertAlmostEqual(info["rotation"]["slowest_period"],
                               2 * 3.141592653589793 * 100 ** 0.75, 3)

    def test_heads_and_layers_that_the_file_leaves_open(self):
        checkpoint = small_checkpoint(self.path("c.safetensors"), 16)
        self.refused(1, "import", checkpoint, "-o", self.path("m.bdh.h5"), says=("--layers", "6"))
        self.good("import", checkpoint, "-o", self.path("m.bdh.h5"), "--layers", "6", "--heads",
                  "1")

    def test_a_layout_without_causal_mask_needs_an_option(self):
        checkpoint = convert(f"{RANDOM}/model.safetensors", self.path("c.safetensors"), "--layout",
                             "educational")
        self.refused(1, "import", checkpoint, "-o", self.path("m.bdh.h5"), "--layers", "3",
                     says=("--causal",))
        self.good("import", checkpoint, "-o", self.path("m.bdh.h5"), "--layers", "3", "--causal")


class Run(CliTest):
    def test_generates_the_same_text_however_the_prompt_comes(self):
        text, ids = self.path("text", TEXT), self.path("ids", "\n".join(map(str, TEXT)).encode())
        ways = [("--text", TEXT.decode()), ("--text-file", text),
                ("--tokens", ",".join(map(str, TEXT))), ("--tokens-file", ids), ("-",)]
        outputs = {self.good("run", self.trained, *way, "--generate", "40", "--quiet",
                             stdin=TEXT).stdout for way in ways}
        self.assertEqual(len(outputs), 1)
        self.assertEqual(len(outputs.pop()), 40)

    def test_trained_model_writes_english(self):
        text = self.good("run", self.trained, "--text", "ROMEO:", "--generate", "100",
                         "--quiet").stdout.decode()
        words = text.split()
        self.assertTrue({"the", "of", "and", "to", "I"} & set(words), words)

    def test_summary_shows_rates_activity_and_memory(self):
        text = self.good("run", self.trained, "--text", "ROMEO:").stderr.decode()
        for part in ("6 tokens", "tokens/s", "synaptic events/s", "X", "Y", "exchanged",
                     "model 3.28 MB", "synapses", "peak memory", "nats per token"):
            self.assertIn(part, text)

    def test_quiet_is_quiet(self):
        done = self.good("run", self.random, "--text", "a", "--quiet")
        self.assertEqual((done.stdout, done.stderr), (b"", b""))

    def test_json_is_all_of_standard_output(self):
        done = self.good("run", self.random, "--text", "abc", "--generate", "5", "--json",
                         "--threads", "2", "--sites", "3", "--retention", "0.5")
        self.assertEqual(done.stderr, b"")
        result = json.loads(done.stdout)
        self.assertEqual((result["tokens"], result["threads"], result["sites"], result["retention"],
                          result["predictions"]), (8, 2, 3, 0.5, 7))
        self.assertEqual(len(result["generated"]["tokens"]), 5)
        self.assertIn("text", result["generated"])
        self.assertEqual(len(result["active_x_percent"]["layers"]), 3)
        for positive in ("seconds", "tokens_per_second", "synaptic_events",
                         "synaptic_events_per_second", "hebbian_writes", "bytes_exchanged",
                         "model_bytes", "synapse_bytes", "peak_memory_bytes", "nats_per_token"):
            self.assertGreater(result[positive], 0, positive)
        self.assertLess(result["active_y_percent"]["mean"], result["active_x_percent"]["mean"])

    def test_sampling_depends_on_the_seed_alone(self):
        def text(*options):
            return self.good("run", self.trained, "--text", "A", "--generate", "30", "--quiet",
                             *options).stdout
        warm = ("--temperature", "1")
        self.assertEqual(text(*warm, "--seed", "1"), text(*warm, "--seed", "1", "--threads", "1"))
        self.assertNotEqual(text(*warm, "--seed", "1"), text(*warm, "--seed", "2"))
        self.assertEqual(text(*warm, "--top-k", "1"), text())
        self.assertEqual(text("--temperature", "1e-4"), text())

    def test_text_is_refused_where_tokens_are_not_bytes(self):
        model = self.path("ids.bdh.h5")
        self.good("import", small_checkpoint(self.path("c.safetensors"), 50), "-o", model,
                  "--layers", "2", "--tokenizer", "ids")
        self.refused(1, "run", model, "--text", "abc", says=("--text", "--tokens"))
        text = self.good("run", model, "--tokens", "1,2,49", "--generate", "4",
                         "--quiet").stdout.decode()
        ids = [int(i) for i in text.rstrip("\n").split(",")]
        self.assertEqual(len(ids), 4)
        self.assertTrue(all(0 <= i < 50 for i in ids))
        again = self.good("run", model, "-", "--generate", "4", "--quiet",
                          stdin=b"1 2\n49").stdout.decode()
        self.assertEqual(again, text)

    def test_byt5_counts_its_special_tokens(self):
        model = self.path("byt5.bdh.h5")
        self.good("import", small_checkpoint(self.path("c.safetensors"), 260), "-o", model,
                  "--layers", "2", "--tokenizer", "byt5")
        self.good("run", model, "--text", "A", "-o", self.path("run"), "--quiet")
        self.assertEqual(table(self.path("run/tokens.csv"))[0]["token"], "68")

    def test_retention_changes_predictions(self):
        losses = [self.json("run", self.trained, "--text", TEXT.decode(), *u)["nats_per_token"]
                  for u in ((), ("--retention", "1"), ("--retention", "0.9"))]
        self.assertEqual(losses[0], losses[1])
        self.assertNotEqual(losses[1], losses[2])

    def test_past_the_training_window_one_line_names_the_option(self):
        model = self.path("m.bdh.h5")
        self.good("import", f"{RANDOM}/model.safetensors", "-o", model, "--training-window", "10")
        long = ("run", model, "--text", "0123456789a", "--quiet")
        result = self.good(*long).stderr
        self.assertEqual(result.count(b"\n"), 1)
        for part in (b"10", b"--retention"):
            self.assertIn(part, result)
        self.assertEqual(self.good(*long, "--retention", "0.99").stderr, b"")
        self.assertEqual(self.good("run", model, "--text", "0123456789", "--quiet").stderr, b"")
        from_pipe = self.good("run", model, "-", "--quiet", stdin=b"0123456789a").stderr
        self.assertEqual(from_pipe, result)

    def test_a_text_may_look_like_anything(self):
        for text in ("-x", "[a,b]", "--json", "", "%", "\u00e4"):
            done = bdh("run", self.random, "--text", text, "--json")
            self.assertEqual(done.returncode, 1 if text == "" else 0, (text, done.stderr))
            if text:
                self.assertEqual(json.loads(done.stdout)["tokens"], len(text.encode()))


class Recording(CliTest):
    def setUp(self):
        super().setUp()
        self.result = self.json("run", self.trained, "--text", "JULIET:\n", "--generate", "30",
                                "-o", self.path("run"), "--record", "logits", "--seed", "9")

    def test_folder_has_everything(self):
        self.assertEqual(sorted(os.listdir(self.path("run"))),
                         ["logits.h5", "run.json", "summary.csv", "tokens.csv"])
        run = json.loads(contents(self.path("run/run.json")))
        self.assertEqual((run["status"], run["tokens"], run["options"]["seed"]),
                         ("complete", 38, 9))
        self.assertEqual(run["options"]["model"], self.trained)
        self.assertEqual(run["model"]["content_sha256"],
                         self.json("info", self.trained)["content_sha256"])

    def test_tokens_and_losses_are_those_printed(self):
        tokens, summary = table(self.path("run/tokens.csv")), table(self.path("run/summary.csv"))
        self.assertEqual(len(tokens), 38)
        self.assertEqual([int(t["token"]) for t in tokens if t["generated"] == "1"],
                         self.result["generated"]["tokens"])
        found = [float(row["surprisal_nats"]) for row in summary if row["surprisal_nats"]]
        self.assertEqual(len(found), 37)
        self.assertEqual(summary[0]["surprisal_nats"], "")
        self.assertAlmostEqual(sum(found) / 37, self.result["nats_per_token"], 9)
        self.assertEqual(sum(int(row["synaptic_events"]) for row in summary),
                         self.result["synaptic_events"])

    def test_recorded_logits_verify(self):
        self.assertTrue(self.json("verify", self.trained, self.path("run/logits.h5"), "--tolerance",
                                  "0")["passed"])

    def test_without_record_there_are_no_logits(self):
        self.good("run", self.random, "--text", "ab", "-o", self.path("other"), "--quiet")
        self.assertNotIn("logits.h5", os.listdir(self.path("other")))

    def test_a_used_folder_is_refused(self):
        before = contents(self.path("run/run.json"))
        self.refused(1, "run", self.random, "--text", "ab", "-o", self.path("run"),
                     says=(self.path("run"),))
        self.assertEqual(contents(self.path("run/run.json")), before)


class State(CliTest):
    def rows(self, folder):
        changing = ("seconds", "bytes_exchanged")
        return [{k: v for k, v in row.items() if k not in changing}
                for row in table(self.path(f"{folder}/summary.csv"))]

    def test_a_saved_run_goes_on_as_if_never_stopped(self):
        for options in ((), ("--retention", "0.9")):
            name = str(len(options))
            state = self.path(name + ".state.h5")
            warm = ("--generate", "20", "--temperature", "1", "--seed", "5", *options)
            whole = self.json("run", self.trained, "--text", "HAMLET:\nTo be, or", *warm, "-o",
                              self.path("whole" + name))
            self.good("run", self.trained, "--text", "HAMLET:\n", "--save-state", state, "--quiet",
                      *options)
            rest = self.json("run", self.trained, "--text", "To be, or", "--state", state, *warm,
                             "--sites", "3", "-o", self.path("rest" + name))
            self.assertEqual(rest["generated"], whole["generated"])
            self.assertEqual(self.rows("rest" + name), self.rows("whole" + name)[8:])

    def test_state_brings_its_retention(self):
        state = self.path("s.h5")
        self.good("run", self.random, "--text", "abc", "--save-state", state, "--retention", "0.75",
                  "--quiet")
        self.assertEqual(self.json("run", self.random, "--text", "a", "--state",
                                   state)["retention"], 0.75)
        self.refused(1, "run", self.random, "--text", "a", "--state", state, "--retention", "0.5",
                     says=("--retention", "0.75"))

    def test_saving_replaces_an_older_state(self):
        state = self.path("s.h5")
        for text in ("abc", "abcde"):
            self.good("run", self.random, "--text", text, "--save-state", state, "--quiet")
        self.assertEqual(self.json("info", state)["tokens"], 5)
        self.assertEqual(os.listdir(self.folder), ["s.h5"])


class Input(CliTest):
    def test_a_stream_without_end_is_read_as_it_comes(self):
        process = self.start("run", self.random, "-", "-o", self.path("run"), "--quiet",
                             stdin=subprocess.PIPE)
        for size in (5, 9):
            process.stdin.write(b"x" * (size if size == 5 else 4))
            process.stdin.flush()
            tokens = self.path("run/tokens.csv")
            # The last token's report waits for its successor.
            self.wait_for(lambda: os.path.exists(tokens) and len(table(tokens)) == size - 1,
                          process)

    def test_generated_text_streams(self):
        process = self.start("run", self.trained, "--text", "A", "--generate", "1000000", "--quiet",
                             stdout=subprocess.PIPE)
        self.assertEqual(len(process.stdout.read(20)), 20)
        self.assertIsNone(process.poll())

    def test_a_reader_that_leaves_ends_the_run_quietly(self):
        process = self.start("run", self.trained, "--text", "A", "--generate", "1000000", "-o",
                             self.path("run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.read(5)
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 141)
        self.assertEqual(process.stderr.read(), b"")
        self.assertEqual(json.loads(contents(self.path("run/run.json")))["status"], "interrupted")


class Evaluate(CliTest):
    def setUp(self):
        super().setUp()
        self.text = self.path("text", TEXT * 8)

    def test_one_stream_equals_a_run(self):
        result = self.json("evaluate", self.trained, "--text-file", self.text, "--limit", "100")
        run = self.json("run", self.trained, "--text", (TEXT * 2)[:100].decode())
        self.assertAlmostEqual(result["nats_per_token"], run["nats_per_token"], 12)
        self.assertEqual((result["tokens"], result["predictions"]), (100, 99))

    def test_windows_start_from_nothing(self):
        result = self.json("evaluate", self.trained, "--text-file", self.text, "--window", "50",
                         "--limit", "120")
        self.assertEqual((result["windows"], result["predictions"]), (3, 49 + 49 + 19))
        nats = 0
        for begin, size in ((0, 50), (50, 50), (100, 20)):
            piece = self.path("piece", (TEXT * 8)[begin:begin + size])
            nats += self.json("evaluate", self.trained, "--text-file",
                              piece)["nats_per_token"] * (size - 1)
        self.assertAlmostEqual(result["nats_per_token"], nats / 117, 9)

    def test_rounded_weights_are_compared_with_those_of_the_model(self):
        rounded, exact = (self.json("evaluate", self.trained, "--text-file", self.text, "--limit",
                                    "100", "--weights", weights) for weights in ("bf16", "float32"))
        self.assertEqual(rounded["nats_per_token_float32"], exact["nats_per_token"])
        self.assertNotEqual(rounded["nats_per_token"], exact["nats_per_token"])
        self.assertAlmostEqual(rounded["nats_per_token"], exact["nats_per_token"], 2)
        self.assertTrue(0 < rounded["largest_difference_of_a_logit"] < 0.02 * rounded[
            "largest_logit"])
        self.assertIn("rounded to bfloat16", self.good("evaluate", self.trained, "--text-file",
                                                       self.text, "--limit", "50", "--weights",
                                                       "bf16").stdout.decode())

    def test_rounded_synapses_are_compared_with_those_in_float32(self):
        arguments = ["evaluate", self.trained, "--text-file", self.text, "--limit", "100"]
        rounded, exact = (self.json(*arguments, "--synapses", synapses)
                          for synapses in ("bf16", "float32"))
        self.assertEqual((rounded["synapses"], exact["synapses"]), ("bf16", "float32"))
        self.assertEqual(rounded["nats_per_token_float32"], exact["nats_per_token"])
        self.assertNotEqual(rounded["nats_per_token"], exact["nats_per_token"])
        self.assertAlmostEqual(rounded["nats_per_token"], exact["nats_per_token"], 2)
        result = self.good(*arguments, "--synapses", "bf16", "--weights", "bf16").stdout.decode()
        self.assertIn("weights and synapses rounded to bfloat16", result)

    def test_by_position(self):
        ids = self.path("ids", b" ".join(b"%d" % b for b in TEXT * 8))
        result = self.json("evaluate", self.random, "--tokens-file", ids, "--by-position")
        bins = result["by_position"]
        self.assertEqual([(b["from"], b["to"]) for b in bins], [(0, 128), (128, 256), (256, 512)])
        self.assertEqual(sum(b["predictions"] for b in bins), result["predictions"])
        self.assertAlmostEqual(sum(b["nats"] * b["predictions"]
                                   for b in bins) / result["predictions"], result["nats_per_token"],
                               9)
        text = self.good("evaluate", self.random, "--tokens-file", ids, "--by-position",
                         "--retention", "0.9").stdout.decode()
        for part in ("nats per token", "0-128", "256-512", "retention 0.9"):
            self.assertIn(part, text)

    def test_threads_and_sites_change_nothing(self):
        results = {self.json("evaluate", self.trained, "--text-file", self.text, "--limit", "60",
                           "--threads", t, "--sites", s)["nats_per_token"] for t,
                 s in ((1, 1), (2, 5))}
        self.assertEqual(len(results), 1)


class Info(CliTest):
    def test_model(self):
        text = self.good("info", self.trained).stdout.decode()
        for part in ("gpu-release", "16 rounds a token", "4 of 1024 neurons", "4,096", "hubs",
                     "262,144 edges", "dense", "512 pairs", "6.28", "bytes", "released code",
                     "model.safetensors", "SHA-256", "inferred"):
            self.assertIn(part, text)
        result = self.json("info", self.trained)
        self.assertEqual((result["kind"], result["layers"], result["heads"],
                          result["populations"]["neurons"]), ("model", 4, 4, 4096))
        self.assertEqual(result["projections"]["dx"]["edges"], 4096 * 64)

    def test_rounds_in_the_papers_notation(self):
        text = self.good("info", self.random, "--rounds").stdout.decode()
        for part in ("round 0", "round 3", "X(i), sigma_l(i->j) -> A(j)", "neurons -> hubs",
                     "hubs -> neurons", "gain", "propagate", "reweight", "decay", "threshold"):
            self.assertIn(part, text)
        self.assertEqual([r["round"] for r in self.json("info", self.random, "--rounds")["rounds"]],
                         [0, 1, 1, 2, 2, 2, 3, 3])

    def test_state_and_run(self):
        self.good("run", self.random, "--text", "abcde", "--save-state", self.path("s.h5"), "-o",
                  self.path("run"), "--quiet")
        result = self.json("info", self.path("s.h5"))
        self.assertEqual((result["kind"], result["tokens"], len(result["layers"]),
                          result["layers"][0]["clock"]), ("state", 5, 3, 5))
        self.assertEqual(result["model_sha256"], self.json("info", self.random)["content_sha256"])
        self.assertIn(b"tokens read     5", self.good("info", self.path("s.h5")).stdout)
        result = self.json("info", self.path("run"))
        self.assertEqual((result["kind"], result["recorded_tokens"], result["status"]),
                         ("run", 5, "complete"))
        self.assertIn(b"complete", self.good("info", self.path("run")).stdout)

    def test_checkpoints_and_expected_values(self):
        for name in ("model.safetensors", "model.pt"):
            result = self.json("info", f"{RANDOM}/{name}")
            self.assertEqual(result["layout"], "released code")
            self.assertIn({"name": "embed.weight", "shape": [256, 8]},
                          [{k: t[k] for k in ("name", "shape")} for t in result["tensors"]])
            self.assertIn(b"embed.weight", self.good("info", f"{RANDOM}/{name}").stdout)
        other = safetensors(self.path("o.safetensors"), {"weight": ([2], [1, 2])})
        self.assertIsNone(self.json("info", other)["layout"])
        self.assertEqual(self.json("info", f"{RANDOM}/expected.h5")["tokens"], 40)


class Verify(CliTest):
    def test_passes_on_the_authors_values(self):
        result = self.json("verify", self.random, f"{RANDOM}/expected.h5")
        self.assertTrue(result["passed"])
        for name in ("logits", "x", "y", "v"):
            self.assertLess(result[name]["relative"], 1e-5)
        self.assertEqual((result["active_x"]["differing"], result["active_y"]["differing"],
                          result["greedy"]["equal"]), (0, 0, 20))
        text = self.good("verify", self.trained, f"{TRAINED}/expected.h5").stdout.decode()
        for part in ("largest difference", "relative", "80 of 80", "passed"):
            self.assertIn(part, text)

    def test_fails_on_another_model(self):
        other = self.path("m.bdh.h5")
        checkpoint = convert(f"{RANDOM}/model.safetensors", self.path("c.safetensors"), "--poke",
                             "decoder:5=0.9")
        self.good("import", checkpoint, "-o", other, "--layers", "3")
        done = bdh("verify", other, f"{RANDOM}/expected.h5")
        self.assertEqual((done.returncode, done.stderr), (1, b""))
        self.assertIn(b"failed", done.stdout)
        self.assertEqual(bdh("verify", self.random, f"{RANDOM}/expected.h5", "--tolerance",
                             "1e-12").returncode, 1)


class Terminal(CliTest):
    def on_terminal(self, *arguments, which):
        """Output of the program where one stream is a terminal; the others are not."""
        ours, theirs = pty.openpty()
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, which: theirs}
        process = subprocess.Popen([PROGRAM, *arguments], stdin=subprocess.DEVNULL, **streams)
        os.close(theirs)
        output = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end was closed
                break
            if not piece:
                break
            output += piece
        os.close(ours)
        self.assertEqual(process.wait(PATIENCE), 0)
        return output

    def test_generated_bytes_cannot_steer_a_terminal(self):
        arguments = ("run", self.random, "--text", "abc", "--generate", "300", "--temperature", "3",
                     "--quiet")
        plain = self.good(*arguments).stdout
        self.assertEqual(len(plain), 300)
        self.assertTrue(any(b < 9 or b == 27 for b in plain))
        shown = self.on_terminal(*arguments, which="stdout").decode()
        self.assertTrue(all(c in "\r\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f")
                            for c in shown))
        self.assertIn("\\x", shown)
        self.assertTrue(shown.endswith("\n"))

    def test_progress_only_on_a_terminal_and_only_if_wanted(self):
        for copies in (12, 120, 1200):  # what is read within a tenth of a second shows nothing
            text = self.path("text", TEXT * copies)
            shown = self.on_terminal("run", self.trained, "--text-file", text,
                                     which="stderr").decode()
            if "\r" in shown:
                break
        for part in ("\r", f"of {copies * len(TEXT):,}", "tokens/s", "left"):
            self.assertIn(part, shown)
        self.assertNotIn("\x1b", self.on_terminal("run", self.trained, "--text-file", text,
                                                  "--quiet", which="stderr").decode())
        self.assertNotIn(b"\x1b", self.good("run", self.trained, "--text-file", text).stderr)


class Signals(CliTest):
    def interrupted(self, number, *arguments):
        process = self.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        process.stdout.read(1)  # it is generating
        process.send_signal(number)
        output, result = process.communicate(timeout=PATIENCE)
        return process.returncode, output, result

    def test_a_signal_keeps_everything_so_far(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            folder = self.path(f"run{number}")
            status, output, result = self.interrupted(number, "run", self.trained, "--text", "A",
                                                    "--generate", "1000000", "--quiet", "-o",
                                                    folder, "--record", "logits", "--save-state",
                                                    self.path("s.h5"))
            self.assertEqual(status, code)
            self.assertOneLine(result, "stopped", folder)
            run = json.loads(contents(folder + "/run.json"))
            self.assertEqual((run["status"], run["tokens"]), ("interrupted", 2 + len(output)))
            self.assertEqual(len(table(folder + "/summary.csv")), run["tokens"])
            self.assertTrue(self.json("verify", self.trained, folder + "/logits.h5", "--tolerance",
                                      "0")["passed"])
            self.assertEqual(self.json("info", self.path("s.h5"))["tokens"], run["tokens"])

    def test_a_signal_ends_waiting_for_input(self):
        process = self.start("run", self.random, "-", "-o", self.path("run"), "--json",
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(b"abc")
        process.stdin.flush()
        tokens = self.path("run/tokens.csv")
        self.wait_for(lambda: os.path.exists(tokens) and len(table(tokens)) == 2, process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 130)
        result = json.loads(process.stdout.read())
        self.assertEqual((result["tokens"], result["interrupted"]), (3, True))
        self.assertEqual(len(table(tokens)), 3)

    def test_a_second_signal_kills(self):
        # Nothing is read: the program hangs in a write when the first signal comes.
        process = self.start("run", self.random, "--text", "a", "--generate", "10000000", "--quiet",
                             "--threads", "1", stdout=subprocess.PIPE)
        self.wait_for(lambda: unread(process.stdout) != 0 and idles(process), process)
        process.send_signal(signal.SIGINT)
        self.wait_for(lambda: not listens(process) and idles(process), process)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)

    def test_evaluate_shows_what_it_has(self):
        process = self.start("evaluate", self.random, "--text-file", "/dev/stdin", "--json",
                             "--threads", "1", stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        process.stdin.write(TEXT)
        process.stdin.flush()
        self.wait_for(lambda: listens(process, signal.SIGTERM) and unread(process.stdin) == 0
                      and idles(process), process)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 143)  # before its input ends
        output, result = process.communicate()
        self.assertTrue(json.loads(output)["interrupted"])
        self.assertOneLine(result, "stopped")


class SameBits(CliTest):
    def logits(self, model, *options):
        folder = self.path("run" + str(len(os.listdir(self.folder))))
        self.good("run", model, "--text", "The quick brown fox", "--generate", "10", "-o", folder,
                  "--record", "logits", "--quiet", *options)
        return contents(folder + "/logits.h5")

    def test_threads_sites_and_repetition_change_no_bit(self):
        for model in (self.random, self.trained):
            logits = {self.logits(model, "--threads", t, "--sites", s) for t in "124"
                      for s in "1237"}
            logits.add(self.logits(model))
            self.assertEqual(len(logits), 1)


class Instructions(SameBits):
    def test_threads_sites_and_repetition_change_no_bit(self):
        pass  # in SameBits

    def forced(self, name, **more):
        folder = self.path("forced-" + name)
        self.good("run", self.trained, "--text", "ab", "-o", folder, "--quiet", "--instructions",
                  name, **more)
        return json.loads(contents(folder + "/run.json"))["options"]["instructions"]

    def same_or_refused(self, name):
        why = self.json("devices")["cpu"].get("unusable", {}).get(name)
        if why:
            self.refused(1, "run", self.random, "--text", "a", "--instructions", name,
                         says=("instructions: " + name, why, "best, plain"))
            print(f"skipped: comparison with {name}: {why}")
            return
        for model in (self.random, self.trained):
            self.assertEqual(self.logits(model), self.logits(model, "--instructions", name))
        self.assertEqual(self.forced(name), name)

    def test_plain(self):
        self.same_or_refused("plain")

    def test_avx2(self):
        self.same_or_refused("avx2")

    def test_avx512(self):
        self.same_or_refused("avx512")

    def test_a_limit_holds_for_the_best_and_for_what_is_requested(self):
        limited = {**os.environ, "BDH_INSTRUCTIONS": "plain"}
        result = self.json("devices", env=limited)["cpu"]
        self.assertEqual((result["instructions"], sorted(result["unusable"])),
                         ("plain", ["avx2", "avx512"]))
        self.assertEqual(self.forced("best", env=limited), "plain")
        self.refused(1, "run", self.random, "--text", "a", "--instructions", "avx2",
                     says=("instructions: avx2", "best, plain"), env=limited)

    def test_a_limit_that_is_no_set_is_one_line_and_an_empty_one_is_none(self):
        for arguments in (("devices",), ("info", self.random), ("run", self.random, "--text", "a",
                                                                "--instructions", "plain")):
            self.refused(1, *arguments,
                         says=("BDH_INSTRUCTIONS: 'sse', expected plain, avx2 or avx512",),
                         env={**os.environ, "BDH_INSTRUCTIONS": "sse"})
        without = {name: value for name, value in os.environ.items() if name != "BDH_INSTRUCTIONS"}
        self.assertEqual(self.json("devices", env={**without, "BDH_INSTRUCTIONS": ""}),
                         self.json("devices", env=without))


class Forgetting(CliTest):
    def test_retention_restores_length_generalisation(self):
        text = os.path.join(SOURCE, "../shared/reference/text/evaluate.txt")
        if not os.path.exists(text):
            self.skipTest("no shared/reference/text here")
        measured = {"1": (0.98, 1.23, 1.33, 2.07, 2.81), "0.998": (0.97, 1.22, 1.28, 1.34, 1.36),
                    "0.995": (0.97, 1.21, 1.25, 1.25, 1.22), "0.99": (0.97, 1.21, 1.26, 1.25, 1.21)}
        for u, expected in measured.items():
            bins = self.json("evaluate", self.trained, "--text-file", text, "--limit", "1537",
                             "--by-position", "--retention", u)["by_position"]
            self.assertEqual(len(bins), 5)
            for b, nats in zip(bins, expected):
                self.assertAlmostEqual(b["nats"], nats, delta=0.02, msg=(u, b))
            print(u, *("%.4f" % b["nats"] for b in bins))


if __name__ == "__main__":
    main()
