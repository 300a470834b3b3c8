"""The tokens of texts against those of Python's `tokenizers` and `sentencepiece`: every part of a
tokenizer.json that bdh reads, over every character of Unicode 14, emoji, control characters, long
runs, invalid UTF-8."""
import itertools
import json
import os
import subprocess
import tempfile
import unicodedata
import unittest

import sentencepiece
from tokenizers import Tokenizer

TOOL = os.environ["BDH_ENCODE_TEXT"]
DATA = os.path.join(os.environ["BDH_SOURCE"], "tests", "data", "tokenizers")


def characters_of_bytes():
    plain = [*range(33, 127), *range(0xa1, 0xad), *range(0xae, 0x100)]
    others = itertools.count(256)
    return [chr(b) if b in plain else chr(next(others)) for b in range(256)]


# A token for each byte, and another for each that does not begin a word: they show all splits.
VOCAB = {prefix + c: b + 256 * (prefix != "") for prefix in ("", "##")
         for b, c in enumerate(characters_of_bytes())}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
# Thousands of characters alike: Han, Hangul, Tangut, private use. Of these one in 128, unless
# BDH_EVERY_CHARACTER is set (a quarter of an hour).
ALIKE = ((0x3400, 0x4dc0), (0x4e00, 0xa000), (0xac00, 0xd7a4), (0xe000, 0xf900),
         (0x17000, 0x18d00), (0x20000, 0xe0000), (0xf0000, 0x110000))
EVERY = "BDH_EVERY_CHARACTER" in os.environ
CHARACTERS = [chr(c) for c in range(0x110000)
              if not 0xd800 <= c < 0xe000 and unicodedata.category(chr(c)) != "Cn"
              and (EVERY or c % 128 == 0 or not any(a <= c < b for a, b in ALIKE))]
HARD = ["", " ", "\n", "a", "  two  spaces\t\tand\r\n\r\nlines \n ",
        "don't I'LL we've 'quoted' n't",
        "e\u0301 \u00e9 \u1e9b\u0323 \ufb01 \u2460 \uff21 \u0130\u0131 \u1e9e \u01c5 \u03a3\u03c2",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f \U0001f1e9\U0001f1ea",
        "1\ufe0f\u20e3 \u4e2d\u6587 \ufa0e \U00020000x \uac00\u1100\u1161 \u0e01\u0e33",
        "\x00\x01\x1b\x7f\x85\u2028", "1234567890 3.14 1,000 \u0661\u0662 \u2167 \u00bd",
        "a" * 5000, " " * 3000, "?!" * 2000, "\ufeffmark \ufffd \U0010ffff \ue000",
        "<a> <b><b>x<b> y<c>c <c> <a>n\u00e9<a>  ", "-".join("ab" * 9)]


def part(kind, **settings):
    return {"type": kind, **settings}


def expression(regular, behavior="Isolated", invert=False):
    return part("Split", pattern={"Regex": regular}, behavior=behavior, invert=invert)


def described(normalizer=None, pre_tokenizer=None, added=(), **model):
    steps = ([pre_tokenizer] if pre_tokenizer else []) + [BYTES]
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": list(added),
            "normalizer": normalizer, "pre_tokenizer": part("Sequence", pretokenizers=steps),
            "post_processor": None, "decoder": BYTES,
            "model": {"type": "BPE", "dropout": None, "unk_token": None,
                      "continuing_subword_prefix": "##", "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                      "vocab": VOCAB, "merges": [], **model}}


def ours(file, kind, texts):
    lines = b"".join(b"%d\n%s\n" % (len(t), t) for t in texts)
    done = subprocess.run([TOOL, file, kind], input=lines, capture_output=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


# Debian 12's Oniguruma knows Unicode 14, the reference's 16: a Python that knows characters of
# later versions tests the texts above only.
if unicodedata.unidata_version > "14.0.0":
    print("skipped: every character: Python's tables are of Unicode", unicodedata.unidata_version)
    CHARACTERS = CHARACTERS[:0x250]
BLOCKS = ["".join("a" + c + "b " + c + c + " 1" + c + "|" for c in CHARACTERS[k:k + 64])
          for k in range(0, len(CHARACTERS), 64)]
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
        r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


class Parts(unittest.TestCase):
    def agree(self, description, texts):
        reference = Tokenizer.from_str(json.dumps(description))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(description, file)
            file.flush()
            found = ours(file.name, "tokenizer.json", [t.encode() for t in texts])
        self.assertEqual(len(found), len(texts), found[:1])
        for text, one in zip(texts, found):
            expected = reference.encode(text, add_special_tokens=False).ids
            self.assertEqual(one.get("ids"), expected, (text[:200], one.get("error")))

    def test_normalizers(self):
        bert = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        for normalizer in [
                *[part(kind) for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase",
                                          "StripAccents", "Nmt")],
                part("Strip", strip_left=True, strip_right=True),
                part("Strip", strip_left=True, strip_right=False),
                part("Prepend", prepend="\u2581"),
                part("Replace", pattern={"String": " "}, content="\u2581"),
                part("Replace", pattern={"Regex": r"\s+"}, content=" "),
                part("Sequence", normalizers=[part("NFD"), part("StripAccents"), part("NFC")]),
                *[part("BertNormalizer", **dict(zip(bert, v)))
                  for v in ((True, True, None, True), (True, False, False, False),
                            (False, True, True, False))]]:
            with self.subTest(normalizer=normalizer):
                self.agree(described(normalizer), HARD + BLOCKS)

    def test_pre_tokenizers(self):
        behaviors = ("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous")
        for pre_tokenizer in [
                *[part(kind) for kind in ("Whitespace", "WhitespaceSplit", "BertPreTokenizer")],
                *[part("Digits", individual_digits=each) for each in (True, False)],
                *[part("Punctuation", behavior=how) for how in behaviors],
                *[part("ByteLevel", add_prefix_space=space, trim_offsets=True, use_regex=True)
                  for space in (True, False)],
                *[expression(r"\d+|[aeiou]", how, invert) for how in behaviors
                  for invert in (True, False)],
                *[part("Split", pattern={"String": " "}, behavior=how, invert=False)
                  for how in behaviors],
                expression(GPT4), expression(r"\w+|\s+|[^\w\s]"), expression(r"(?=[A-Z])|b*"),
                *[part("Metaspace", replacement="\u2581", prepend_scheme=scheme, split=split)
                  for scheme in ("first", "never", "always") for split in (True, False)],
                part("CharDelimiterSplit", delimiter="b"), part("FixedLength", length=7)]:
            with self.subTest(pre_tokenizer=pre_tokenizer):
                self.agree(described(None, pre_tokenizer), HARD + BLOCKS)

    def test_added_tokens(self):
        kinds = list(itertools.product((False, True), repeat=4))
        for single, left, right, normalized in kinds:
            added = [{"id": 512 + k, "content": content, "single_word": single, "lstrip": left,
                      "rstrip": right, "normalized": normalized, "special": k == 0}
                     for k, content in enumerate(["<a>", "<b>", "<b><b>", "ab", "<c>c", "n\u00e9"])]
            for normalizer in (None, part("Lowercase"), part("NFD")):
                with self.subTest(kind=(single, left, right, normalized), normalizer=normalizer):
                    self.agree(described(normalizer, part("Whitespace"), added), HARD)

    def test_models(self):
        vocab = {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "##b": 4, "##ab": 5, "ba": 6, "abab": 7,
                 "##a": 8, " ": 9, "b</w>": 10, "ab</w>": 11, "a</w>": 12,
                 **{f"<0x{b:02X}>": 13 + b for b in range(256)}}
        texts = HARD + ["abababab", "aabb" * 50, "b", "\u00e9a\u00e9\u00e9b", "abc ab c"]
        base = {**described(), "pre_tokenizer": part("WhitespaceSplit"), "decoder": None}
        bpe = {"type": "BPE", "unk_token": "<unk>", "vocab": vocab}
        for model in [
                {**bpe, "merges": [["a", "b"], ["ab", "ab"], ["b", "a"]]},
                {**bpe, "merges": ["a b", "ab ab"], "fuse_unk": True},
                {**bpe, "merges": ["a b"], "byte_fallback": True},
                {**bpe, "merges": [["b", "a"]], "ignore_merges": True},
                {**bpe, "merges": [["a", "##b"]], "continuing_subword_prefix": "##"},
                {**bpe, "merges": [["a", "b</w>"]], "end_of_word_suffix": "</w>"},
                {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##",
                 "max_input_chars_per_word": 100, "vocab": vocab},
                {"type": "WordLevel", "unk_token": "<unk>", "vocab": vocab}]:
            with self.subTest(model={k: v for k, v in model.items() if k != "vocab"}):
                self.agree({**base, "model": model}, texts)


class Text(unittest.TestCase):
    """What tokens stand for."""

    def test_decoders(self):
        for name in ("byte_level", "split_by_expression", "word_pieces", "byte_fallback"):
            file = os.path.join(DATA, name + ".json")
            reference = Tokenizer.from_file(file)
            texts = [t for t in HARD if t]
            for text, one in zip(texts, ours(file, "tokenizer.json", [t.encode() for t in texts])):
                self.assertEqual(one.get("ids"), reference.encode(text).ids, (name, text[:100]))
                self.assertEqual(bytes.fromhex(one["text"]).decode(),
                                 reference.decode(one["ids"], skip_special_tokens=False))


class SentencePiece(unittest.TestCase):
    def test_all_kinds(self):
        words = [" ".join(CHARACTERS[k:k + 9]) for k in range(0x20, 0x600, 9)] + HARD * 3
        broken = [b"\xff", b"a\xe2\x82", b"\xc0\x80x", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                  b"\x80 \x80"]
        texts = [t.encode() for t in HARD + BLOCKS] + broken
        for kind, rule, fallback in itertools.product(
                ("unigram", "bpe", "char", "word"), ("identity", "nmt_nfkc", "nfkc_cf"),
                (True, False)):
            if fallback and kind in ("char", "word"):
                continue
            with self.subTest(kind=kind, rule=rule, fallback=fallback), \
                    tempfile.TemporaryDirectory() as folder:
                sentencepiece.SentencePieceTrainer.train(
                    sentence_iterator=iter([w for w in words if w.strip() and len(w) < 3000]),
                    model_prefix=os.path.join(folder, "m"), vocab_size=2000, model_type=kind,
                    normalization_rule_name=rule, byte_fallback=fallback, minloglevel=2,
                    hard_vocab_limit=False, character_coverage=0.995)
                file = os.path.join(folder, "m.model")
                reference = sentencepiece.SentencePieceProcessor(model_file=file)
                found = ours(file, "sentencepiece", texts)
                self.assertEqual(len(found), len(texts), found[:1])
                for text, one in zip(texts, found):
                    self.alike(reference, one.get("ids"), reference.encode(text), text)

    def alike(self, reference, ids, expected, text):
        """The same tokens; or, where two ways to split a text have one score, which the versions of
        the library add up differently, the other of these."""
        if ids == expected:
            return
        self.assertEqual(reference.decode(ids), reference.decode(expected), text[:200])
        scores = [sum(reference.get_score(i) for i in all) for all in (ids, expected)]
        self.assertAlmostEqual(*scores, delta=1e-6 * abs(scores[0]), msg=text[:200])


if __name__ == "__main__":
    unittest.main()
