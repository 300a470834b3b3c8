"""Writes the inputs, each in a folder of its own, into the folder given, or beside itself."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, OUT, instance, save, state

WORDS = {w: i for i, w in enumerate(["the", "cat", "sat", " "] + ["w%d" % i for i in range(252)])}


def saved(folder, beside=None, config=None, tokens=256, **keys):
    """`beside`: files, as JSON or as text."""
    os.makedirs(os.path.join(OUT, folder), exist_ok=True)
    save({"model": state(tokens=tokens),
          "config": {**CONFIG, "vocab_size": tokens, **(config or {})}, **keys}, folder + "/m.pt")
    for name, contents in (beside or {}).items():
        with open(os.path.join(OUT, folder, name), "w", encoding="utf-8") as file:
            file.write(contents if isinstance(contents, str) else json.dumps(contents))


saved("plain")
saved("words", stoi=WORDS)
saved("words-by-id", itos={i: w for w, i in WORDS.items()})
saved("word2idx", word2idx=WORDS)
saved("both-directions", stoi={str(i): str(9 - i if i < 9 else 0) for i in range(9)})
saved("unigram", beside={"tokenizer.json": {
    "version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None,
    "decoder": None,
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [[w, -1.0] for w in WORDS]}}})
saved("damaged", beside={"tokenizer.json": "{"})
saved("words-beside", beside={"vocab.json": WORDS})
saved("too-large", beside={"vocab.json": {chr(i): i for i in range(33, 300)}})
saved("named", config={"tokenizer": "gpt2"})
saved("named-outermost", tokenizer="EleutherAI/gpt-neox-20b")
saved("named-nested", config={"data": {"tokenizer": {"type": "bpe", "vocab_size": 256}}})
saved("named-vocab", config={"vocab": "gpt2"})
saved("named-file", config={"vocab_file": "data/words.txt"})
saved("named-class", tokenizer=instance("shop.WordTokenizer", words=WORDS))
saved("named-beside", beside={"config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}})
saved("class-beside", beside={"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer"}})
saved("text-beside", beside={"vocab.txt": "the\ncat\n"})
saved("blob", spm_model=b"\x0a" + b"x" * 300)
saved("two-hundred", config={"tokenizer": "gpt2"}, tokens=200)
# bytes, and what says nothing
for i, value in enumerate(("byte", "bytes", "UTF-8", "byte_level", "ByteTokenizer", None, "none",
                           False, {"type": "bytes", "vocab_size": 256}, {"vocab_size": 256})):
    saved("bytes-%d" % i, config={"tokenizer": value})
saved("bytes-class", tokenizer=instance("shop.ByteTokenizer", size=256))
saved("positions", config={"positional_encoding": "rope", "bos_token_id": 0})
# ids that are texts, as after a way through JSON
saved("ids-in-texts", stoi={chr(40 + i): str(i) for i in range(200)})
saved("ids-in-texts-by-id", itos={str(i): chr(40 + i) for i in range(200)})
saved("ids", stoi={chr(40 + i): i for i in range(200)})
saved("digits", stoi={str(i): i for i in range(10)})
saved("digits-in-texts", stoi={str(i): str(i) for i in range(10)})
