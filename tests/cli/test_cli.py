"""Every command and option of bdh, by what a user notices."""
import json
import os
import re
import subprocess

from program import (PATIENCE, RANDOM, TEXT, TRAINED, CliTest, bdh, contents, convert, main,
                     safetensors, small_checkpoint, table)


class Help(CliTest):
    def commands(self):
        """All that the help shows, as data."""
        everything = json.loads(self.good("commands").stdout)
        return everything, [c for c in everything["commands"] if not c.get("hidden")]

    def test_help_names_every_command(self):
        text = self.good("--help").stdout.decode()
        _, commands = self.commands()
        self.assertGreater(len(commands), 20)
        for command in commands:
            self.assertIn(f"\n  {command['name']} ", text)

    def test_help_as_a_word(self):
        self.assertEqual(self.good("help").stdout, self.good("--help").stdout)
        self.assertEqual(self.good("help", "run").stdout, self.good("run", "--help").stdout)

    def test_every_command_explains_its_options(self):
        for command in self.commands()[1]:
            text = " ".join(self.good(command["name"], "--help").stdout.decode().split())
            for option in command["options"]:
                if option.get("hidden"):
                    continue
                with self.subTest(command=command["name"], option=option):
                    for name in [*option.get("long_names", []), *option.get("short_names", [])]:
                        self.assertIn(name, text)
                    self.assertGreater(len(option["help"].split()), 1)
                    self.assertIn(" ".join(option["help"].split()[:2]), text)

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
        everything, _ = self.commands()
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
        self.assertIn("\nnot used: nothing\nwrote ", text)

    def test_json_has_what_the_model_file_keeps(self):
        made = self.json("import", f"{RANDOM}/model.safetensors", "-o", self.path("m.bdh.h5"))
        info = self.json("info", self.path("m.bdh.h5"))
        self.assertEqual(made["file"], self.path("m.bdh.h5"))
        self.assertEqual(made["remarks"], [])
        self.assertEqual(made["origin"]["not_used"], [])
        for key in ("content_sha256", "origin", "layers", "populations"):
            self.assertEqual(made[key], info[key])

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
            expected = self.rows("whole" + name)[8:]
            expected[0]["surprisal_nats"] = ""  # the first token of a run has none
            self.assertEqual(self.rows("rest" + name), expected)

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
            self.wait_for(lambda: os.path.exists(tokens) and len(table(tokens)) == size,
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


if __name__ == "__main__":
    main()
