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


class NotRead(Text):
    """A vocabulary of 256 tokens that is not read does not make them bytes."""

    def setUp(self):
        super().setUp()
        maker = os.path.join(REPORTED, "27-vocabularies-that-are-not-read", "make.py")
        subprocess.run([sys.executable, "-B", maker, self.folder], check=True)

    def info(self, name):
        model = self.imported(os.path.join(self.path(name), "m.pt"))
        return json.loads(self.good("info", model, "--json"))

    def reasons(self, name):
        done = bdh("import", os.path.join(self.path(name), "m.pt"), "-o", self.path("m.bdh.h5"),
                   "--force", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["remarks"]

    def test_tokens_are_ids_and_why(self):
        config, cure = "('config' in the file)", "; --tokenizer FILE gives one"
        for name, why in (
                ("words", "'stoi' (the file): 'the' is not one character, and how text is split "
                 "into words is not known"),
                ("words-by-id", "'itos' (the file): 'the' is not one character, and how text is "
                 "split into words is not known"),
                ("word2idx", "'word2idx' is an object of 256 keys (the file)"),
                ("both-directions", "'stoi' is an object of 9 keys (the file)"),
                ("unigram", "tokenizer.json beside the file/model: the model Unigram; give the "
                 "tokenizer.model of SentencePiece"),
                ("words-beside", "vocab.json beside the file: 'the' is not one character, and how "
                 "text is split into words is not known"),
                ("too-large", "vocab.json beside the file: a token 299, and the model has 256"),
                ("named", f"'tokenizer' is 'gpt2' {config}"),
                ("named-outermost", "'tokenizer' is 'EleutherAI/gpt-neox-20b' (the file)"),
                ("named-nested", f"'tokenizer' is an object of 2 keys {config}"),
                ("named-vocab", f"'vocab' is 'gpt2' {config}"),
                ("named-file", f"'vocab_file' is 'data/words.txt' {config}"),
                ("named-class", "'tokenizer' is an object of 1 key (the file)"),
                ("named-beside", "'tokenizer_class' is 'PreTrainedTokenizerFast' (config.json "
                 "beside the file)"),
                ("class-beside", "'tokenizer_class' is 'GPT2Tokenizer' (tokenizer_config.json "
                 "beside the file)"),
                ("text-beside", "vocab.txt beside the file is not read"),
                ("blob", "'spm_model' (the file): a file that is cut off"),
                ("two-hundred", f"'tokenizer' is 'gpt2' {config}")):
            with self.subTest(name):
                self.assertEqual(self.reasons(name)[:1],
                                 [f"no tokenizer, tokens are ids: {why}{cure}"])
                self.assertEqual(self.info(name)["tokenizer"], "ids")
        self.assertEqual(self.info("damaged")["tokenizer"], "ids")
        self.refused("--text: text for a model whose 256 tokens are ids only, expected token ids; "
                     "give them with --tokens or --tokens-file, or import the model with "
                     "--tokenizer FILE", "run", self.path("m.bdh.h5"), "--text", "the cat")
        # the cure
        with open(self.path("chars.json"), "w", encoding="utf-8") as file:
            json.dump([chr(32 + i) for i in range(90)], file)
        model = self.imported(os.path.join(self.path("named"), "m.pt"), "--tokenizer",
                              self.path("chars.json"))
        self.assertEqual(self.tokens_of(model, "the"), [84, 72, 69])

    def test_bytes_where_nothing_else_is_said(self):
        for name in ["plain", "bytes-class", "positions"] + [f"bytes-{i}" for i in range(10)]:
            with self.subTest(name):
                self.assertEqual(self.info(name)["tokenizer"], "bytes")
                self.assertEqual(self.reasons(name), [])

    def test_ids_that_are_texts(self):
        hashes = {self.info(name)["content_sha256"]
                  for name in ("ids", "ids-in-texts", "ids-in-texts-by-id")}
        self.assertEqual(len(hashes), 1)
        self.assertEqual(self.tokens_of(self.path("m.bdh.h5"), "the"), [76, 64, 61])
        self.assertEqual(self.info("digits")["content_sha256"],
                         self.info("digits-in-texts")["content_sha256"])

    def test_a_table_of_words_is_refused_by_its_file(self):
        with open(self.path("vocab.json"), "w", encoding="utf-8") as file:
            json.dump({"the": 0, "cat": 1}, file)
        self.refused(f"{self.path('vocab.json')}: 'the' is not one character, and how text is "
                     "split into words is not known, expected a tokenizer.json, a tokenizer.model "
                     "of SentencePiece, or a table of characters (stoi, itos, chars) in JSON or a "
                     "pickle", "import", os.path.join(self.path("plain"), "m.pt"), "--tokenizer",
                     self.path("vocab.json"), "-o", self.path("m.bdh.h5"))


if __name__ == "__main__":
    unittest.main()
