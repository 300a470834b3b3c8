"""Checkpoints of programs near the authors': read as they were meant, or refused by name. The
makers are in tests/data/reported."""
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import unittest

from program import PATIENCE, SOURCE, bdh, main

INPUTS = os.path.join(SOURCE, "tests/data/reported")


class Reported(unittest.TestCase):
    """Works in the folder of its inputs, so that messages name files alone."""
    inputs = ""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="bdh-reported-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        source = os.path.join(INPUTS, cls.inputs)
        subprocess.run([sys.executable, "-B", os.path.join(source, "make.py"), cls.folder],
                       check=True, timeout=PATIENCE)

    def run_import(self, file, *options):
        return bdh("import", file, "-o", "m.bdh.h5", "--force", "--json", *options,
                   cwd=self.folder)

    def model(self, file, *options):
        done = self.run_import(file, *options)
        self.assertEqual(done.returncode, 0, (file, done.stderr))
        shown = json.loads(done.stdout)
        return {**shown, **shown["origin"]}

    def hash(self, file, *options):
        return self.model(file, *options)["content_sha256"]

    def assertSame(self, expected, *files, options=()):
        for file in files:
            with self.subTest(file):
                self.assertEqual(self.hash(file, *options), expected)

    def assertRefused(self, file, message, *options):
        with self.subTest(file):
            done = self.run_import(file, *options)
            self.assertEqual((done.returncode, done.stderr.decode()),
                             (1, f"bdh: {file}{message}\n"))

    def assertNotKnown(self, file, key, value, expected, hint=""):
        """A computation that the program does not have."""
        self.assertRefused(file, f": a model with {key} {value} ('config' in the file), expected "
                           f"{expected}{hint}")


class TableForEachLayer(Reported):
    inputs = "01-a-table-for-each-layer"

    def test_equal_tensors_of_all_layers_are_one(self):
        plain = self.hash("plain.pt")
        self.assertSame(plain, "lists.pt", "copies.pt")
        model = self.model("model.pt")
        self.assertEqual(model["layers"], 3)
        self.assertIn("3 layers (one of attns.*.freqs each, all equal)", model["inferred"])

    def test_layers_that_differ_are_refused_for_that(self):
        self.assertRefused("other-table.pt", ":_orig_mod.attns.1.freqs: layers with weights of "
                           "their own (not those of _orig_mod.attns.0.freqs), expected one set of "
                           "weights for all layers")
        self.assertRefused("other-layers.pt", ":layers.1.decoder: layers with weights of their "
                           "own (not those of layers.0.decoder), expected one set of weights for "
                           "all layers")
        self.assertRefused("other-number.pt", ": 4 layers (n_layer in 'config' in the file), "
                           "expected 3, one of attns.*.freqs each, all equal")
        self.assertNotKnown("one-set.pt", "per_layer_weights", "true",
                            "one set of weights for all layers, as the file has")


class MixedNames(Reported):
    inputs = "01-mixed-names"

    def test_shapes_leave_one_reading(self):
        plain = self.hash("plain.pt", "--theta", "10000")
        self.assertSame(plain, "model.pt", "half.pt", "output-layer.pt",
                        options=("--theta", "10000"))
        self.assertEqual(self.model("model.pt")["layout"], "mixed names")
        self.assertRefused("port.pt", ": a model of the mixed names, trained without a causal "
                           "mask, expected a causal model; --causal imports it as if it had one")
        self.assertRefused("two-readings.pt", ":encoder_x: a tensor (2, 4, 4) of FloatStorage that "
                           "the layout 'released code' does not have, expected none of this name; "
                           "without it the model would compute something else")


class Statements(Reported):
    inputs = "02-attention-decay"

    def test_a_constant_decay_of_scores_is_a_retention(self):
        plain = self.model("plain.pt")
        self.assertEqual(plain["retention"], 1)
        decay = self.model("decay.pt")
        self.assertAlmostEqual(decay["retention"], math.exp(-0.05), delta=1e-16)
        self.assertNotEqual(decay["content_sha256"], plain["content_sha256"])
        self.assertSame(decay["content_sha256"], "slope.pt", "slopes-of-heads.pt", "nested.pt",
                        "text.pt", "namespace.pt", "outermost.pt", "dotted.pt", "training.pt",
                        "camel.pt")
        self.assertAlmostEqual(self.model("half-life.pt")["retention"], math.exp(-0.05),
                               delta=1e-15)

    def test_passes_through_the_stack_are_layers(self):
        model = self.model("ticks.pt")
        self.assertEqual(model["layers"], 6)
        self.assertEqual(model["content_sha256"], self.hash("layers.pt"))
        self.assertIn("6 layers (3, 2 times: n_layer in 'config' in the file; compute_ticks 2 in "
                      "'config' in the file)", model["inferred"])

    def test_keys_that_change_nothing_give_the_same_model(self):
        self.assertSame(self.hash("plain.pt"), "nothing-changed.pt", "defaults.pt", "objects.pt")
        self.assertEqual(self.model("defaults.pt")["not_used"], [])

    def test_what_is_not_computed_is_refused_by_its_key(self):
        code = "the released code's computation"
        kinds = (f"{code} (linear, linear_attention, bdh, causal, default, none, raw, hebbian, "
                 "standard, parallel, recurrent)")
        off = f"{code} (false, 0, none, off, no, disabled)"
        rotary = (f"{code} (true, rope, rotary, roformer, rope_interleaved, 1, yes, on, default, "
                  "interleaved)")
        for file, key, value, expected in (
                ("alibi.pt", "rotary_embedding", "'alibi'", rotary),
                ("off.pt", "rotary_embedding", "false", rotary),
                ("pope.pt", "rotaryEmbedding", "'pope'", rotary),
                ("learned-decay.pt", "learned_attention_decay", "true",
                 "a constant rate, or none"),
                ("two-slopes.pt", "alibi_slopes", "a list of 2",
                 f"{code} (one rate for all heads)"),
                ("history.pt", "activation_history_mix", "0.1",
                 "0: activity without a history"),
                ("softmax.pt", "softmax", "true", off),
                ("sparse.pt", "k_sparse_ratio", "0.05", off),
                ("experts.pt", "n_expert", "4", f"{code} (1, 0, none)"),
                ("untied.pt", "per_layer_weights", "true",
                 "one set of weights for all layers, as the file has"),
                ("adaptive.pt", "adaptive_compute", "true", off),
                ("no-positions.pt", "pos_encoding", "'none'", rotary),
                ("rope-off.pt", "rope.enabled", "false", rotary),
                ("moe.pt", "moe", "an object of 2 keys", off),
                ("softmax-name.pt", "attention", "'softmax'",
                 kinds),
                ("softmax-type.pt", "attention.type", "'softmax'",
                 kinds),
                ("no-mask-type.pt", "mask", "'none'",
                 f"{code} (causal, strict, strict_causal, strictly_causal, tril, true)"),
                ("gelu.pt", "activation", "'gelu'",
                 f"{code} (relu, torch.nn.functional.relu, torch.relu, "
                 "torch.nn.modules.activation.relu, f.relu)")):
            self.assertNotKnown(file, key, value, expected)
        self.assertNotKnown("no-mask.pt", "causal", "false", "scores of earlier tokens only",
                            "; --causal imports it as if it had them")
        self.assertNotKnown("window.pt", "sliding_window", "16",
                            "scores that look back without limit", "; --training-window T, if no "
                            "window of the training was longer than that")
        self.assertEqual(self.hash("window.pt", "--training-window", "16"), self.hash("plain.pt"))
        self.assertEqual(self.model("window.pt", "--training-window", "16")["not_used"],
                         ["'sliding_window' ('config' in the file)"])
        self.assertEqual(self.hash("no-mask.pt", "--causal"), self.hash("plain.pt"))
        self.assertRefused("scaling-outermost.pt", ": a model with rope_scaling an object of 2 "
                           "keys (the file), expected the released code's computation (no "
                           "scaling)")
        self.assertRefused("learned-tensor.pt", ":attn.attention_decay: a tensor (2, 1, 1) of "
                           "FloatStorage that the layout 'released code' does not have, expected "
                           "none of this name; without it the model would compute something else")
        self.assertRefused("two-rates.pt", ": attention_decay 0.05 ('config' in the file) and "
                           "alibi_slope 0.1 ('config' in the file), expected one rate of decay")
        self.assertRefused("half-ticks.pt", ": compute_ticks 1.5 ('config' in the file), expected "
                           "a whole number, and at most 1024 layers in all passes")

    def test_keys_are_not_left_out_of_enormous_configurations(self):
        for file, where in (("enormous.pt", "'config' in the file"),
                            ("enormous-beside.pt", "'config'")):
            self.assertRefused(file, f": too many or too deeply nested values ({where}), expected "
                               "a configuration of at most 16 levels")

    def test_keys_that_are_not_known_are_named(self):
        model = self.model("not-known.pt")
        where = "('config' in the file)"
        self.assertEqual(model["not_used"],
                         [f"'wobble' {where}", f"'nested.wibble' {where}", f"'loss' {where}"])
        self.assertEqual(model["remarks"],
                         ["3 keys of the configuration are not known here: what they state may "
                          "change what the model computes; compare with bdh verify"])
        self.assertEqual(model["content_sha256"], self.hash("plain.pt"))
        absent = self.model("absent-positions.pt")
        self.assertEqual(absent["not_used"], [f"'pos_encoding' {where}"])
        self.assertEqual(absent["remarks"],
                         ["1 key of the configuration is not known here: what it states may change "
                          "what the model computes; compare with bdh verify"])
        text = self.model("yaml.pt", "--layers", "3")
        self.assertEqual(text["not_used"], ["'config' (the file)"])
        self.assertEqual(len(text["remarks"]), 1)


class ConfigBeside(Reported):
    inputs = "02-config-json-beside"

    def config(self, text):
        with open(os.path.join(self.folder, "config.json"), "w") as f:
            f.write(text)

    def test_scaled_rotation_is_refused(self):
        self.config('{"n_layer": 3, "rope_theta": 65536.0, "rope_scaling": {"type": "linear", '
                    '"factor": 4.0}}')
        message = (": a model with rope_scaling an object of 2 keys (config.json beside the file), "
                   "expected the released code's computation (no scaling); move config.json away "
                   "if it belongs to another model")
        self.assertRefused("model.pt", message)
        self.assertRefused("table.pt", message)
        for scaling in ('{"rope_type": "yarn"}', '{"rope_type": "dynamic", "factor": 2.0}'):
            self.config('{"n_layer": 3, "rope_scaling": %s}' % scaling)
            self.assertEqual(self.run_import("model.pt").returncode, 1)

    def test_what_scales_by_nothing_changes_nothing(self):
        self.config('{"n_layer": 3}')
        plain = self.hash("model.pt")
        for scaling in ("null", '{"rope_type": "default"}', '{"type": "linear", "factor": 1.0}',
                        '{"rope_type": "default", "rope_theta": 65536}', "{}"):
            self.config('{"n_layer": 3, "rope_scaling": %s}' % scaling)
            self.assertSame(plain, "model.pt")


class ThetaInside(Reported):
    inputs = "02-theta-inside-rope-parameters"

    def config(self, text):
        with open(os.path.join(self.folder, "config.json"), "w") as f:
            f.write(text)

    def test_theta_is_found_where_it_is_stated(self):
        self.config('{"n_layer": 3}')
        expected = self.hash("model.pt", "--theta", "10000")
        for config in ('{"num_hidden_layers": 3, "rope_parameters": {"rope_theta": 10000.0, '
                       '"rope_type": "default"}}',
                       '{"num_hidden_layers": "3", "text_config": {"rope_parameters": '
                       '{"full_attention": {"rope_theta": "10000"}}}}',
                       '\ufeff{"model": {"nLayer": 3, "rope-theta": 1e4}}'):
            self.config(config)
            self.assertSame(expected, "model.pt")
        self.config('{"num_hidden_layers": 3, "rope_parameters": {"rope_theta": 10000.0}}')
        self.assertIn("theta 10000 (rope_parameters.rope_theta in config.json beside the file)",
                      self.model("model.pt")["inferred"])
        # where the file has a table, it is what the model was trained with
        model = self.model("table.pt")
        self.assertEqual(model["remarks"],
                         ["rope_parameters.rope_theta 10000 (config.json beside the file) "
                          "contradicts attn.freqs, which is used: 0.5 turns apart at token 512"])
        self.assertEqual(model["not_used"],
                         ["'rope_parameters.rope_theta' (config.json beside the file)"])


class ObjectsBeside(Reported):
    inputs = "03-objects-beside"

    def test_objects_are_named_and_their_values_read(self):
        plain = self.hash("plain.pt")
        self.assertSame(plain, "dataclass.pt", "numpy-scalar.pt", "bytes.pt", "numpy-layers.pt",
                        "calls.pt", "numpy-array.pt",
                        *(f"{kind}-{protocol}.pt" for kind in ("namespace", "bytes")
                          for protocol in range(2, 6)))
        for file, named in (
                ("dataclass.pt", ["class bdh.BDHConfig ('config' in the file; its values are "
                                  "read)"]),
                ("numpy-scalar.pt", ["'best_val_loss', a numpy.core.multiarray.scalar (the file)"]),
                ("bytes.pt", ["'tokenizer_model', 7 bytes (the file)"]),
                ("calls.pt", ["'stage', a bdh.Stage (the file)",
                              "'scheduler', a torch.optim.lr_scheduler.LambdaLR (the file)",
                              "'path', a pathlib.PosixPath (the file)"]),
                ("numpy-array.pt",
                 ["'array', a numpy.core.multiarray._reconstruct (the file)"])):
            self.assertEqual(self.model(file)["not_used"], named)

    def test_nothing_is_executed(self):
        self.assertRefused("attack.pt", ":data.pkl: global posix.system, expected only tensors, "
                           "numbers, strings and containers; a checkpoint with code in it is never "
                           "executed; save the state dictionary alone: "
                           "torch.save(model.state_dict(), FILE)")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "this-must-never-exist")))
        hint = "expected a state dictionary; torch.save(model.state_dict(), FILE)"
        self.assertRefused("module.pt", f":data.pkl: 'model' as an object, {hint}")
        self.assertRefused("module-alone.pt", f":data.pkl: an object bdh.BDH, {hint}")
        self.assertRefused("quantised.pt", ":data.pkl: 'encoder' as torch._utils._rebuild_qtensor, "
                           "expected a tensor of float32, float16, bfloat16 or float64; load it in "
                           "PyTorch and save it as such")


class OtherPrefixes(Reported):
    inputs = "04-other-prefixes"

    def test_a_prefix_of_all_weights_is_stripped(self):
        plain = self.hash("plain.pt")
        self.assertSame(plain, "net.ckpt", "long.pt", "sequential.pt", "other-wrapper.pt",
                        "partly.pt", "ema.pt", "apart.pt")
        self.assertRefused("two.pt", ":data.pkl: 2 dictionaries of tensors, expected one, or one "
                           "called 'model' or 'state_dict'; save the one to import alone")
        self.assertSame(plain, "swa.pt", options=("--layers", "3"))
        self.assertEqual(self.model("swa.pt", "--layers", "3")["not_used"],
                         ["tensor 'n_averaged' (a counter)"])
        self.assertEqual(self.model("ema.pt")["not_used"],
                         ["'ema', a dictionary of tensors (the file)"])


class Attributes(Reported):
    inputs = "05-a-buffer-with-attributes"

    def test_attributes_are_dropped_and_named(self):
        plain = self.hash("plain.pt")
        self.assertSame(plain, "model.pt", "scale.pt", "parameters.pt")
        self.assertEqual(self.model("model.pt")["not_used"], [])
        self.assertEqual(self.model("scale.pt")["not_used"], ["'scale' (attribute of encoder)"])
        self.assertEqual(self.model("parameters.pt")["not_used"],
                         ["'tag' (attribute of encoder)"])
        self.assertRefused("subclass.pt", ":data.pkl: 'encoder' as "
                           "torchao.dtypes.AffineQuantizedTensor, expected a tensor of float32, "
                           "float16, bfloat16 or float64; load it in PyTorch and save it as such")


class RoundedTable(Reported):
    inputs = "06-a-rounded-table"

    def remark(self, bits, theta, turns, token):
        return [f"the frequencies have {bits} significant bits: those of theta {theta} differ from "
                f"them by {turns} turns at token {token}; --theta {theta} takes these"]

    def test_the_error_of_the_phase_is_shown(self):
        for file, bits, theta, turns, token in (("model.pt", 8, 65536, "0.12", 512),
                                                ("bits-5.pt", 5, 65536, "1.5", 512),
                                                ("bits-13.pt", 13, 65536, "0.00076", 128),
                                                ("bfloat16.pt", 8, 65536, "0.12", 512),
                                                ("other-theta.pt", 8, 50000, "0.11", 512)):
            with self.subTest(file):
                self.assertEqual(self.model(file)["remarks"],
                                 self.remark(bits, theta, turns, token))
        self.assertEqual(self.hash("bfloat16.pt"), self.hash("model.pt"))

    def test_theta_takes_the_place_of_a_rounded_table(self):
        exact = self.hash("model.pt", "--theta", "65536")
        self.assertSame(exact, "bits-5.pt", "bits-13.pt", "bfloat16.pt",
                        options=("--theta", "65536"))
        model = self.model("model.pt", "--theta", "65536")
        self.assertEqual(model["remarks"], [])
        self.assertEqual(model["not_used"], ["tensor 'attn.freqs' (rounded frequencies)"])
        # one that is not rounded is kept, and another is refused
        self.assertEqual(self.hash("exact.pt", "--theta", "65536"), self.hash("exact.pt"))
        for file in ("model.pt", "exact.pt", "powers-of-two.pt"):
            done = self.run_import(file, "--theta", "10000")
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.decode().startswith(
                f"bdh: --theta: 10000, expected the base of {file}:attn.freqs, which differs from "
                "it by "), done.stderr)

    def test_contradictions_are_shown(self):
        self.assertEqual(self.model("exact.pt")["remarks"], [])
        self.assertEqual(self.model("agreement.pt")["remarks"], [])
        self.assertEqual(self.model("agreement.pt")["not_used"], [])
        self.assertEqual(self.model("powers-of-two.pt")["remarks"], [])
        self.assertEqual(self.model("contradiction.pt")["remarks"],
                         ["rope_theta 10000 ('config' in the file) contradicts attn.freqs, which "
                          "is used: 5.6 turns apart at token 512"])
        self.assertEqual(self.hash("contradiction.pt"), self.hash("exact.pt"))
        self.assertEqual(self.model("radians.pt")["remarks"],
                         ["the frequencies are those of theta 65536 in radians per token, and are "
                          "read as turns per token, as the released code does; compare with bdh "
                          "verify"])


class TableInFloat16(Reported):
    inputs = "06-a-table-in-float16"

    def test_the_error_of_the_phase_is_shown(self):
        for file in ("model.pt", "all-half.pt"):
            self.assertEqual(self.model(file)["remarks"],
                             ["the frequencies have 11 significant bits: those of theta 65536 "
                              "differ from them by 0.013 turns at token 512; --theta 65536 takes "
                              "these"])
        self.assertEqual(self.hash("model.pt", "--theta", "65536"), self.hash("no-table.pt"))
        self.assertEqual(self.model("subnormal.pt")["remarks"],
                         ["the frequencies have 11 significant bits: those of theta 1000000000 "
                          "differ from them by 0.014 turns at token 512; --theta 1000000000 takes "
                          "these"])


class Expanded(Reported):
    inputs = "07-an-expanded-tensor"

    def test_expanded_and_overlapping_tensors_are_copied(self):
        self.assertSame(self.hash("copied.pt"), "model.pt")
        self.assertSame(self.hash("one-number-copied.pt"), "one-number.pt")
        self.assertSame(self.hash("overlapping-copied.pt"), "overlapping.pt")
        self.assertSame(self.hash("plain.pt"), "shared.pt")

    def test_tiny_files_for_terabytes_are_refused(self):
        done = self.run_import("terabytes.pt")
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.decode().startswith(
            "bdh: terabytes.pt:encoder_v: shape (16384, 8192, 8192) with strides (0, 0, 0) from "
            "element 0, which repeats the 1 elements of its storage, expected at most "),
            done.stderr)
        done = self.run_import("many.pt")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"which repeats the 1 elements of its storage, expected at most ",
                      done.stderr)
        self.assertRefused("outside.pt", ":encoder_v: shape (2, 4, 4) with strides (1, 4, 1) from "
                           "element 0, expected a part of its storage of 16 elements")


class Vocabularies(Reported):
    inputs = "08-a-vocabulary-beside"

    def test_letters_of_a_vocabulary_are_no_sizes(self):
        without = ("--tokenizer", "ids")
        self.assertSame(self.hash("plain.pt"), "windows.pt")
        self.assertSame(self.hash("plain.pt"), "stoi.pt", "metrics.pt", "inside.pt", "vocab.pt",
                        options=without)
        self.assertSame(self.hash("stoi.pt"), "metrics.pt", "inside.pt", "vocab.pt")
        self.assertEqual(self.model("vocab.pt")["training_window"], 128)
        windows = self.model("windows.pt")
        self.assertEqual(windows["training_window"], 32)
        self.assertEqual(windows["not_used"], ["'patience' ('train_config' in the file)",
                                               "'max_seq_len' ('config' in the file)"])
        self.assertEqual(windows["remarks"], [])
        self.assertEqual(self.model("metrics.pt")["not_used"],
                         ["'metrics' (the file)", "'dataset' (the file)",
                          "'data_config' (the file)"])


class TypesBeside(Reported):
    inputs = "09-types-beside"

    def test_tensors_of_other_types_are_named(self):
        without = ("that the layout 'released code' does not have, expected none of this name; "
                   "without it the model would compute something else")
        for file, name, shape, kind in (
                ("scale-beside.safetensors", "encoder_scale", "(4)", "F8_E8M0"),
                ("four-bits-beside.safetensors", "packed", "(8)", "F4"),
                ("scale-beside.pt", "encoder_scale", "(4)", "float8_e8m0fnu")):
            self.assertRefused(file, f":{name}: a tensor {shape} of {kind} {without}")

    def test_weights_of_other_types_are_refused_with_the_cure(self):
        cure = ("expected float32, float16, bfloat16 or float64; cast it in PyTorch, with its "
                "scales where it has some: tensor.to(torch.bfloat16)")
        for file, kind in (("fp8-weights.safetensors", "F8_E4M3"), ("four-bits.safetensors", "F4"),
                           ("int8.safetensors", "I8"), ("fp8-weights.pt", "float8_e4m3fn"),
                           ("unknown.pt", "float99_new")):
            self.assertRefused(file, f":encoder: {kind} elements, {cure}")


class Tied(Reported):
    inputs = "28-tied-without-a-readout"

    def test_what_is_stated_to_be_tied_has_the_embedding_as_readout(self):
        self.assertSame(self.hash("readout.pt"), "readout-stated.pt", "tied.pt", "tied-nested.pt",
                        "tied-prefix.pt", "tied-listing.pt")
        model = self.model("tied.pt")
        self.assertIn("readout tied to embed.weight (there is no lm_head)", model["inferred"])
        self.assertEqual(model["layout"], "released code")

    def test_what_is_not_stated_is_refused(self):
        self.assertRefused("false.pt", ": no lm_head, and tie_weights is false ('config' in the "
                           "file), expected a readout of its own")
        self.assertRefused("not-stated.pt", ": an unknown layout: released code without lm_head, "
                           "expected a readout; where it is embed.weight, a config.json beside the "
                           'file states it: {"tie_word_embeddings": true}')
        for file in ("no-embedding.pt", "other-name.pt"):
            done = self.run_import(file)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(done.stderr.decode().startswith(
                f"bdh: {file}: an unknown layout of "), done.stderr)
        with open(os.path.join(self.folder, "config.json"), "w") as config:
            config.write('{"tie_word_embeddings": true}')
        self.addCleanup(os.remove, os.path.join(self.folder, "config.json"))
        self.assertSame(self.hash("readout.pt"), "not-stated.pt")


class Shards(Reported):
    inputs = "29-shards"
    index = "model.safetensors.index.json"

    def test_an_index_and_its_shards_are_one_checkpoint(self):
        self.assertSame(self.hash("whole/model.safetensors"), f"two/{self.index}",
                        "five/bdh.safetensors.index.json", f"one/{self.index}",
                        "one/model-00001-of-00001.safetensors", f"no-metadata/{self.index}")
        model = self.model(f"two/{self.index}")
        self.assertEqual((model["source"], model["not_used"]), (self.index, []))
        digest = hashlib.sha256()
        for name in (self.index, "model-00001-of-00002.safetensors",
                     "model-00002-of-00002.safetensors"):
            with open(os.path.join(self.folder, "two", name), "rb") as file:
                digest.update(file.read())
        self.assertEqual(model["source_sha256"], digest.hexdigest())

    def test_shards_that_do_not_fit_the_index_are_refused(self):
        one, two = ("model-0000%d-of-00002.safetensors" % i for i in (1, 2))

        def refused(folder, message, place=""):
            done = self.run_import(f"{folder}/{self.index}")
            self.assertEqual((done.returncode, done.stderr.decode()),
                             (1, f"bdh: {folder}/{place or self.index}{message}\n"))
        refused("missing", f": missing, expected all 2 shards of missing/{self.index}", two)
        refused("renamed", ":lm_head: a tensor that is not in the index, expected those that "
                f"renamed/{self.index} states", two)
        refused("swapped", ":encoder: a tensor that is not in the index, expected those that "
                f"swapped/{self.index} states", one)
        refused("more", f": no tensor gate, expected it, as more/{self.index} states", two)
        refused("repeated", ":decoder: a tensor that is not in the index, expected those that "
                f"repeated/{self.index} states", one)
        refused("elsewhere", f":weight_map: '../two/{one}', expected the name of a file beside the "
                "index")
        refused("pickled", ": shards such as pytorch_model-00001-of-00002.bin, expected "
                "safetensors files; save it as such: model.save_pretrained(FOLDER, "
                "safe_serialization=True)")
        refused("no-map", ": JSON without a weight_map, expected a checkpoint, or the index of one "
                "in several files")
        size = sum(os.path.getsize(os.path.join(self.folder, "too-small", n)) for n in (one, two))
        refused("too-small", f": 2 shards of {size} bytes, expected at least 1048576, the "
                "total_size; a shard is incomplete")
        done = self.run_import(f"cut/{self.index}")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"bdh: cut/{two}:", done.stderr.decode())
        done = self.run_import("cut/damaged.json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("bdh: cut/damaged.json: no usable JSON", done.stderr.decode())

    def test_one_shard_is_refused_with_the_cure(self):
        for folder, cure in (("two", f"import two/{self.index}, its index"),
                             ("alone", f"with the others and {self.index} beside it, import "
                              "that")):
            self.assertRefused(f"{folder}/model-00001-of-00002.safetensors", ": one of 2 shards, "
                               f"expected the whole checkpoint; {cure}")


class MasksAndSlopes(Reported):
    inputs = "30-masks-and-slopes"
    code = (". Here scores are those of the tokens before, without a softmax, as in the released "
            "code: bdh verify shows whether the model was trained so")

    def test_what_the_released_code_computes_anyway_is_not_used(self):
        plain = self.hash("plain.pt")
        for file, name in (("strict.pt", "attn.mask"), ("strict-bool.pt", "causal_mask"),
                           ("strict-left-out.pt", "_orig_mod.attn.mask")):
            with self.subTest(file):
                model = self.model(file)
                self.assertEqual(model["content_sha256"], plain)
                self.assertEqual(model["not_used"], [f"tensor '{name}' (a causal mask)"])
                self.assertEqual(model["remarks"], [])

    def test_masks_of_other_scores_have_a_remark(self):
        plain = self.hash("plain.pt")
        itself, softmax = "; in it a token reads itself, too", "; it is made for a softmax"
        for file, name, axes, what in (
                ("nanogpt.pt", "attn.bias", "(1, 1, 6, 6)", itself),
                ("tril.pt", "tril", "(6, 6)", itself),
                ("tril-of-layers.pt", "blocks.0.attn.tril", "(6, 6)", itself),
                ("triu.pt", "attn.triu", "(6, 6)", itself),
                ("infinite.pt", "attn_mask", "(6, 6)", itself + softmax),
                ("large.pt", "attn_mask", "(6, 6)", softmax)):
            with self.subTest(file):
                model = self.model(file)
                self.assertEqual(model["content_sha256"], plain)
                self.assertEqual(model["not_used"], [f"tensor '{name}' (a causal mask)"])
                self.assertEqual(model["remarks"],
                                 [f"{name}: a causal mask {axes} is not used{what}{self.code}"])
        model = self.model("gpt2.pt")
        self.assertEqual(model["content_sha256"], plain)
        self.assertEqual(model["remarks"],
                         ["attn.bias: a causal mask (1, 1, 6, 6) is not used" + itself + self.code,
                          "attn.masked_bias: a causal mask () is not used" + softmax + self.code])
        self.assertEqual(sorted(model["not_used"]), ["tensor 'attn.bias' (a causal mask)",
                                                     "tensor 'attn.masked_bias' (a causal mask)"])

    def test_other_masks_are_refused(self):
        for file, name, kind in (("all.pt", "attn.mask", "Float"),
                                 ("window.pt", "attn.mask", "Float"),
                                 ("one-hole.pt", "attn.tril", "Bool"),
                                 ("later.pt", "attn.mask", "Float"),
                                 ("weights.pt", "attn.bias", "Float"),
                                 ("nan.pt", "attn.mask", "Float")):
            self.assertRefused(file, f":{name}: a tensor (6, 6) of {kind}Storage that is no causal "
                               "mask, expected ones for the tokens before and zeros for those "
                               "behind, or 0 and -inf; a model that reads other tokens would "
                               "compute something else")
        self.assertRefused("row.pt", ":attn.bias: a tensor (6) of FloatStorage that the layout "
                           "'released code' does not have, expected none of this name; without it "
                           "the model would compute something else")

    def test_decays_for_each_head_are_refused_by_that(self):
        for file, name, axes in (("slopes.pt", "attn.alibi_slopes", "(2, 1, 1)"),
                                 ("decay.pt", "log_decay", "(2)")):
            self.assertRefused(file, f":{name}: decays of scores {axes} of FloatStorage, expected "
                               'one retention for all heads; {"attention_decay": RATE} in its '
                               "configuration states one")


class TokenizersInside(Reported):
    inputs = "31-tokenizers-inside"

    def test_files_in_a_checkpoint_are_its_tokenizer(self):
        pieces = self.hash("plain.pt", "--tokenizer", "bpe.model")
        self.assertSame(pieces, "bytes.pt", "sp-model.pt", "spm.pt", "nested.pt", "twice.pt",
                        "tensor.pt")
        for file, name in (("bytes.pt", "'tokenizer_model' (the file)"),
                           ("spm.pt", "'spm' ('config' in the file)"),
                           ("nested.pt", "'model' ('tokenizer' in the file)"),
                           ("tensor.pt", "'spiece_model' (a tensor of the file)")):
            with self.subTest(file):
                model = self.model(file)
                self.assertTrue(any(line.startswith(f"tokenizer sentencepiece ({name}): ")
                                    for line in model["inferred"]), model["inferred"])
                rest = ["'type' ('tokenizer' in the file)"] if file == "nested.pt" else []
                self.assertEqual((model["remarks"], model["not_used"]), ([], rest))
        self.assertNotEqual(pieces, self.hash("plain.pt"))
        self.assertSame(self.hash("json.pt"), "json-bytes.pt")
        self.assertIn("tokenizer tokenizer.json ('tokenizer_json' (the file)): 360 tokens with a "
                      "text, of the model's 512", self.model("json.pt")["inferred"])

    def test_what_cannot_be_read_is_named(self):
        self.assertRefused("two.pt", ": other tokens in 'tokenizer_model' (the file) than in 'spm' "
                           "(the file), expected the same; --tokenizer FILE, or --tokenizer ids")
        self.assertRefused("too-many.pt", ", 'spm' (the file): a token 419, expected below 64, the "
                           "tokens of the model; --tokenizer ids imports it without text")
        for file, place, not_used in (
                ("damaged.pt", "'spm_model' (the file)", "'spm_model', 3000 bytes (the file)"),
                ("damaged-tensor.pt", "'tokenizer_model' (a tensor of the file)",
                 "tensor 'tokenizer_model' (bytes of a tokenizer)")):
            with self.subTest(file):
                model = self.model(file)
                self.assertEqual(model["remarks"], [f"no tokenizer, tokens are ids: {place}: a "
                                                    "file that is cut off; --tokenizer FILE gives "
                                                    "one"])
                self.assertEqual(model["not_used"], [not_used])
        self.assertRefused("integers.pt", ":tokenizer_model: a tensor (100) of LongStorage that "
                           "the layout 'released code' does not have, expected none of this name; "
                           "without it the model would compute something else")
        model = self.model("tensor.pt", "--tokenizer", "ids")
        self.assertEqual(model["not_used"], ["tensor 'spiece_model' (bytes of a tokenizer)"])


class Folders(Reported):
    inputs = "29-shards"

    def files(self, folder, *names):
        for name in names:
            path = os.path.join(self.folder, folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb"):
                pass
        return folder

    def test_a_folder_says_what_can_be_imported(self):
        file = ", expected a file with the weights"
        for folder, message in (
                ("whole", f": a folder with model.safetensors{file}; import "
                 "whole/model.safetensors"),
                ("two", f": a folder with model.safetensors.index.json{file}; import "
                 "two/model.safetensors.index.json"),
                (self.files("trainer", "model.safetensors", "optimizer.pt", "scheduler.pt",
                            "training_args.bin", "rng_state_0.pth", "tokenizer.json"),
                 f": a folder with model.safetensors{file}; import trainer/model.safetensors"),
                (self.files("several", "b.pt", "a.pth", "c.ckpt", "d.bin", "last/e.pt"),
                 f": a folder with a.pth, b.pt and 2 more{file}; import one of them, as "
                 "several/a.pth"),
                (self.files("unpacked", "data.pkl", "data/0", "version"), ": a folder with what a "
                 f"PyTorch file has inside, unpacked{file}; zip -0 -r FILE.pt FOLDER makes one"),
                (self.files("distributed", "__0_0.distcp", "__1_0.distcp", ".metadata"),
                 f": a folder with a distributed checkpoint of PyTorch{file}; torch.distributed."
                 "checkpoint.format_utils.dcp_to_torch_save(FOLDER, FILE) makes one"),
                (self.files("zero", "zero_to_fp32.py", "latest", "global_step9/x.txt"),
                 f": a folder with a checkpoint of DeepSpeed{file}; python zero_to_fp32.py . "
                 "OUTPUT, run in it, makes one"),
                (self.files("orbax", "_METADATA", "d/0"),
                 f": a folder with a checkpoint of Orbax{file}; save the arrays as safetensors"),
                (self.files("shards", "model-00001-of-00003.safetensors", "config.json"),
                 f": a folder with shards and no index of them{file}; "
                 "model.safetensors.index.json, which was saved with them, goes beside them"),
                (self.files("other", "run.h5", "summary.csv", "old/m.pt", ".hidden"),
                 f": a folder without a checkpoint: old/, run.h5 and 2 more{file}")):
            self.assertRefused(folder, message)
        os.makedirs(os.path.join(self.folder, "empty"), exist_ok=True)
        self.assertRefused("empty", f": an empty folder{file}")

    def test_a_folder_in_place_of_a_graph(self):
        def refused(folder, message):
            done = bdh("import", "--gx", folder, "--layers", 1, "-o", "g.bdh.h5", cwd=self.folder)
            self.assertEqual((done.returncode, done.stderr.decode()),
                             (1, f"bdh: {folder}: {message}\n"))
        expected = "expected a file with a graph"
        refused(self.files("circuit", "edges.csv", "notes.pdf", "sub/x.csv"),
                f"a folder with edges.csv, {expected}; circuit/edges.csv")
        refused(self.files("sonata", "v1_v1_edges.h5", "v1_nodes.h5", "circuit_config.json"),
                f"a folder with v1_nodes.h5 and v1_v1_edges.h5, {expected}; one of them, as "
                "sonata/v1_nodes.h5")
        refused(self.files("pictures", "a.png", "b.svg"),
                f"a folder with a.png and b.svg, {expected}")


if __name__ == "__main__":
    main()
