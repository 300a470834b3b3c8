"""What configurations of checkpoints switch on and off, and values of other kinds than a key has.
The makers are in tests/data/reported."""
from program import main
from test_reported_checkpoints import Reported

WHERE = "('config' in the file)"
OFF = "the released code's computation (false, 0, none, off, no, disabled)"
REMARK = ["1 key of the configuration is not known here: what it states may change what the model "
          "computes; compare with bdh verify"]


class Switches(Reported):
    inputs = "25-switches-beside-values"

    def test_off_is_as_if_the_value_were_not_there(self):
        self.assertSame(self.hash("plain.pt"), "alibi-off.pt", "alibi-bare.pt", "alibi-none.pt",
                        "alibi-heads.pt", "alibi-text.pt", "no-alibi.pt", "decay-off.pt",
                        "decay-learned.pt", "decay-word.pt", "half-life-off.pt",
                        "half-life-own.pt", "decay-object.pt", "decay-false.pt", "window-off.pt",
                        "window-used.pt", "ticks-off.pt", "experts-off.pt", "lora-off.pt",
                        "sparse-off.pt", "scaling-off.pt", "scaling-inside.pt", "history-off.pt",
                        "outermost.pt", "dotted.pt", "nested.pt")
        for file, line in (
                ("alibi-off.pt", f"alibi_slope 0.1 {WHERE} is off: use_alibi false"),
                ("alibi-none.pt", f"alibi_slope 0.1 {WHERE} is off: alibi none"),
                ("no-alibi.pt", f"alibi_slope 0.1 {WHERE} is off: no_alibi true"),
                ("decay-word.pt", f"attention_decay 'auto' {WHERE} is off: "
                 "enable_attention_decay 0"),
                ("experts-off.pt", f"n_experts 4 {WHERE} is off: use_moe false"),
                ("nested.pt", f"attention.attention_decay 0.1 {WHERE} is off: "
                 "attention.use_decay false"),
                ("outermost.pt", "attention_decay 0.1 (the file) is off: use_decay false")):
            model = self.model(file)
            self.assertIn(line, model["inferred"])
            self.assertEqual((model["not_used"], model["remarks"]), ([], []))

    def test_on_takes_the_value(self):
        self.assertSame(self.hash("rate.pt"), "alibi-on.pt", "alibi-on-bare.pt", "decay-on.pt",
                        "alibi-off-decay-on.pt", "not-disabled.pt")
        self.assertSame(self.hash("six-layers.pt"), "ticks-on.pt")
        self.assertEqual(self.model("alibi-on.pt")["not_used"], [])
        self.assertSame(self.hash("plain.pt"), "rope-enabled.pt")

    def test_on_without_a_value_is_refused(self):
        value = "the value that is switched on, too:"
        decay = f"{value} attention_decay or attention_half_life_tokens"
        for file, key, expected in (
                ("alibi-alone.pt", "use_alibi true",
                 f"{value} alibi_slope, or alibi_slopes that are equal"),
                ("decay-alone.pt", "use_decay true", decay),
                ("decay-learned-alone.pt", "use_decay true", decay),
                ("window-alone.pt", "use_sliding_window true", f"{value} sliding_window"),
                ("experts-alone.pt", "moe_enabled true", OFF)):
            self.assertRefused(file, f": a model with {key} {WHERE}, expected {expected}")
        self.assertNotKnown("rope-disabled.pt", "rope_enabled", "false",
                            "the released code's computation (true, rope, rotary, roformer, "
                            "rope_interleaved, 1, yes, on, default, interleaved)")
        self.assertNotKnown("no-rope.pt", "no_rope", "true", OFF)

    def test_contradictions_are_refused(self):
        self.assertRefused("both.pt", f": use_alibi false {WHERE} and alibi_enabled true {WHERE}, "
                           "expected one of the two")
        expected = "expected a value that is switched on, or none"
        self.assertRefused("elsewhere.pt", f": attention.use_decay false {WHERE} and "
                           f"attention_decay 0.1 {WHERE}, {expected}")
        self.assertRefused("other-part.pt", f": use_decay false {WHERE} and alibi_slope 0.1 "
                           f"{WHERE}, {expected}")


class Kinds(Reported):
    inputs = "26-values-of-other-kinds"

    def test_flags_and_words_are_no_numbers(self):
        for key in ("attention_decay", "alibi_slope", "attention_half_life_tokens", "rope_theta",
                    "layer_norm_eps", "context_window", "n_layer", "n_head", "vocab_size",
                    "compute_ticks", "sliding_window", "activation_history_mix",
                    "mlp_internal_dim_multiplier"):
            for kind, value in (("true", "true"), ("text", "'true'"), ("word", "'auto'")):
                self.assertRefused(f"{kind}-{key}.pt",
                                   f": {key} {value} {WHERE}, expected a number")
        for key in ("n_layer", "rope_theta", "layer_norm_eps", "block_size", "compute_ticks"):
            self.assertRefused(f"false-{key}.pt", f": {key} false {WHERE}, expected a number")
        self.assertRefused("slopes-true.pt", f": alibi_slopes a list of 2 {WHERE}, expected a "
                           "number")
        self.assertNotKnown("loops-text.pt", "n_loops", "'true'",
                            "the released code's computation (1, 0, none)")
        self.assertNotKnown("factor-true.pt", "rope_scaling", "an object of 2 keys",
                            "the released code's computation (no scaling)")
        self.assertRefused("causal-number.pt", f": causal 2 {WHERE}, expected true or false")
        self.assertRefused("tied-word.pt", f": tie_weights 'partly' {WHERE}, expected true or "
                           "false")
        self.assertSame(self.hash("plain.pt"), "numbers-in-texts.pt")

    def test_values_in_wrappers_are_read(self):
        self.assertSame(self.hash("plain-decay.pt"), "wrapped.pt", "wrapped-all.pt",
                        "inside-harmless.pt")
        self.assertSame(self.hash("plain-theta.pt"), "wrapped-theta.pt", "wrapped-object.pt")
        self.assertSame(self.hash("plain.pt"), "wrapped-switch.pt", "wrapped-unknown.pt")
        for file in ("wrapped.pt", "wrapped-all.pt", "wrapped-theta.pt", "wrapped-switch.pt"):
            model = self.model(file)
            self.assertEqual((model["not_used"], model["remarks"]), ([], []))
        self.assertEqual(self.model("wrapped-unknown.pt")["not_used"], [f"'wobble' {WHERE}"])

    def test_values_of_another_shape_are_refused(self):
        for file, what in (("wrapped-more.pt", "attention_decay an object of 2 keys"),
                           ("wrapped-twice.pt", "attention_decay an object of 1 key"),
                           ("learned.pt", "attention_decay an object of 2 keys"),
                           ("ticks-list.pt", "compute_ticks a list of 1"),
                           ("theta-object.pt", "rope_theta an object of 1 key"),
                           ("slopes-empty.pt", "alibi_slopes a list of 0"),
                           ("slopes-object.pt", "alibi_slopes an object of 2 keys"),
                           ("layers-list.pt", "n_layer a list of 1"),
                           ("bytes.pt", "compute_ticks 1 bytes"),
                           ("tensors-only.pt", "compute_ticks tensor ()"),
                           ("tensor.pt", "compute_ticks tensor ()")):
            self.assertRefused(file, f": {what} {WHERE}, expected a number")
        self.assertRefused("causal-list.pt", f": causal a list of 1 {WHERE}, expected true or "
                           "false")
        model = self.model("other-tensors.pt")
        self.assertEqual(model["not_used"], ["'params', a dictionary of tensors (the file)"])

    def test_keys_of_what_may_be_computed_are_named(self):
        plain = self.hash("plain.pt")
        for file, key in (("topk.pt", "topk"), ("top-k.pt", "top_k"), ("block.pt", "block_sparse"),
                          ("temperature.pt", "temperature")):
            model = self.model(file)
            self.assertEqual(model["content_sha256"], plain)
            self.assertEqual((model["not_used"], model["remarks"]), ([f"'{key}' {WHERE}"], REMARK))
        for file in ("sampling.pt", "unclear-off.pt"):
            model = self.model(file)
            self.assertEqual((model["not_used"], model["remarks"]), ([], []))


if __name__ == "__main__":
    main()
