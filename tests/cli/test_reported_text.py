"""Vocabularies that people bring: in checkpoints, beside them, in files of their own, and what
every command shows by them."""
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import RANDOM, SOURCE, bdh

REPORTED = os.path.join(SOURCE, "tests", "data", "reported")
TOKENIZERS = os.path.join(SOURCE, "tests", "data", "tokenizers")
LETTERS = [chr(c) for c in range(32, 97)]
MAKER = """
import json, sys
sys.path.insert(0, {reported!r})
from pt import *
value = json.loads({value!r})
if {by_id!r}:
    value = {{int(k): v for k, v in value.items()}}
config = dict(CONFIG, vocab_size={tokens})
save({{"model": state(tokens={tokens}), "config": config, {name!r}: value}}, "model.pt")
"""


class Text(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="bdh-text-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def good(self, *arguments, **options):
        done = bdh(*arguments, **options)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout.decode(errors="replace")  # a random model writes random bytes

    def refused(self, message, *arguments, code=1):
        done = bdh(*arguments)
        self.assertEqual((done.returncode, done.stderr.decode().strip()),
                         (code, "bdh: " + message))

    def made(self, name, value, tokens=65, by_id=False):
        """A checkpoint with a value beside its weights."""
        code = MAKER.format(reported=REPORTED, value=json.dumps(value), name=name, tokens=tokens,
                            by_id=by_id)
        subprocess.run([sys.executable, "-c", code, self.folder], check=True, cwd=self.folder)
        return self.path("model.pt")

    def imported(self, *arguments):
        self.good("import", *arguments, "-o", self.path("m.bdh.h5"), "--force")
        return self.path("m.bdh.h5")

    def tokens_of(self, model, text):
        shutil.rmtree(self.path("run"), ignore_errors=True)
        self.good("run", model, "--text", text, "-o", self.path("run"))
        with open(self.path("run/tokens.csv"), encoding="utf-8") as file:
            return [int(line.split(",")[1]) for line in file.read().splitlines()[1:]]

    def tokenizer_of(self, model):
        return json.loads(self.good("info", model, "--json"))["tokenizer"]


class Characters(Text):
    def test_tables_in_a_checkpoint(self):
        stoi = {c: i for i, c in enumerate(LETTERS)}
        hashes = set()
        for name, value, by_id in (
                ("stoi", stoi, False), ("itos", {i: c for c, i in stoi.items()}, True),
                ("chars", LETTERS, False), ("vocab", LETTERS, False),
                ("vocab", stoi, False), ("char_to_idx", stoi, False),
                ("tokenizer", {"stoi": stoi}, False), ("meta", {"chars": "".join(LETTERS)}, False)):
            with self.subTest(name=name):
                model = self.imported(self.made(name, value, by_id=by_id))
                self.assertEqual(self.tokenizer_of(model), "characters")
                self.assertEqual(self.tokens_of(model, "TO BE"), [52, 47, 0, 34, 37])
                hashes.add(json.loads(self.good("info", model, "--json"))["content_sha256"])
        self.assertEqual(len(hashes), 1)

    def test_what_has_no_character(self):
        model = self.imported(self.made("chars", LETTERS))
        self.refused("--text, byte 3: 'b' (U+0062), expected one of the 65 characters that the "
                     "model knows; bdh info MODEL --json lists them",
                     "run", model, "--text", "TO bE")
        self.assertEqual("".join(json.loads(self.good("info", model, "--json"))["characters"]),
                         "".join(LETTERS))

    def test_more_entries_than_the_model_has_tokens(self):
        file = self.made("chars", LETTERS + ["b"])
        done = bdh("import", file, "-o", self.path("m.bdh.h5"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"a token 65, expected below 65, the tokens of the model", done.stderr)
        self.assertEqual(self.tokenizer_of(self.imported(file, "--tokenizer", "ids")), "ids")

    def test_words_are_no_characters(self):
        model = self.imported(self.made("vocab", ["the", "of"] + LETTERS[:63]))
        self.assertEqual(self.tokenizer_of(model), "ids")

    def test_tables_beside(self):
        file = self.made("nothing", 1)
        with open(self.path("meta.pkl"), "wb") as meta:
            pickle.dump({"vocab_size": 65, "itos": dict(enumerate(LETTERS)),
                         "stoi": {c: i for i, c in enumerate(LETTERS)}}, meta)
        self.assertEqual(self.tokens_of(self.imported(file), "TO"), [52, 47])


class Files(Text):
    def test_a_tokenizer_for_any_model(self):
        self.imported(os.path.join(RANDOM, "model.safetensors"), "--tokenizer", "ids")
        with open(self.path("stoi.json"), "w", encoding="utf-8") as file:
            json.dump({c: i for i, c in enumerate(LETTERS)}, file)
        self.good("import", self.path("m.bdh.h5"), "--tokenizer", self.path("stoi.json"), "-o",
                  self.path("with.bdh.h5"))
        self.assertEqual(self.tokens_of(self.path("with.bdh.h5"), "TO"), [52, 47])
        self.good("info", "--check", self.path("with.bdh.h5"))

    def test_a_tokenizer_that_does_not_fit(self):
        file = os.path.join(TOKENIZERS, "byte_level.json")
        done = bdh("import", self.made("nothing", 1), "--tokenizer", file, "-o",
                   self.path("x.bdh.h5"))
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"expected below 65, the tokens of the model", done.stderr)

    def test_every_kind_runs_and_shows_text(self):
        with open(os.path.join(TOKENIZERS, "expected.json"), encoding="utf-8") as file:
            expected = json.load(file)
        for name, cases in expected.items():
            with self.subTest(name=name):
                file = self.made("nothing", 1, tokens=600)
                done = bdh("import", file, "--tokenizer", os.path.join(TOKENIZERS, name), "-o",
                           self.path("m.bdh.h5"), "--force")
                if b"a build with -D BDH_SENTENCEPIECE=ON" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, done.stderr)
                case = next(c for c in cases if c.get("text", "").startswith("The hatchling"))
                model = self.path("m.bdh.h5")
                self.assertEqual(self.tokens_of(model, case["text"]), case["ids"])
                script = b"text The hatchling\nlogits top 3\ngenerate 4\n"
                self.good("step", model, stdin=script)
                self.good("run", model, "--text", "The", "--generate", "8")
                self.good("evaluate", model, "--text-file", os.path.join(SOURCE, "LICENSE"),
                          "--limit", "20")
                self.good("report", self.path("run"), "-o", self.path("r.html"), "--force")


if __name__ == "__main__":
    unittest.main()
