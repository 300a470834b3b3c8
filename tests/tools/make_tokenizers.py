#!/usr/bin/env python3
"""make_tokenizers.py FOLDER: writes the tokenizers of tests/data/tokenizers, trained on the words
below, and expected.json, the tokens that Python's `tokenizers` and `sentencepiece` give some texts.
Needs both packages."""
import base64
import json
import os
import sys

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, trainers)

WORDS = """The hatchling reads a text token by token and every synapse keeps what it has seen.
Neurons that fire together are wired together; those that don't are not. I'll say it isn't so!
Ein Neuron hält die Spannung, dann feuert es. Où est le café? Größe, Öl, señor, naïve, coöperate.
Нейрон читает слово за словом. Ο νευρώνας διαβάζει. 神经元读取文本。ニューロンが読む。 뉴런이 읽는다.
one two three 1 2 3 10 20 300 4000 1984 2024 3.14 x = y + 2*z; if (a[i] != b) return 0;
reading reader reads unread together wiring wires fire fires firing neuron neurons neural
""".splitlines()

TEXTS = ["", " ", "a", "The hatchling reads.", "  two  spaces\tand\na line\r\n\r\nend ",
         "don't I'LL we've 'quoted'", "Größe café café naïve", "neurons\u00a0fire\u2003wide",
         "Нейрон читает", "神经元读取文本。", "ニューロン 뉴런",
         "emoji \U0001f9e0\U0001f468\u200d\U0001f469 \u2764\ufe0f",
         "numbers 1984 3.14 10000000", "control \x00\x01\x1b\x7f\x85 here", "<|end|>The<|end|> end",
         "[MASK]ed <s> </s> <unk>", "x=y+2*z;if(a[i]!=b){return}",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "\ufeffmark \ufffd", "İstanbul ẞ ǅ ﬁne Ａ①"]


def trained(tokenizer, trainer):
    tokenizer.train_from_iterator(WORDS, trainer)
    return tokenizer


def byte_level():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    return trained(t, trainers.BpeTrainer(vocab_size=360, special_tokens=["<|end|>"],
                                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))


def split_by_expression():
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    by = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(by), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    trained(t, trainers.BpeTrainer(vocab_size=340, special_tokens=["<|end|>"],
                                   initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_tokens([AddedToken("hatchling", single_word=True, lstrip=True, rstrip=True)])
    return t


def word_pieces():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    return trained(t, trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))


def byte_fallback():
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(),
                                   decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    trained(t, trainers.BpeTrainer(vocab_size=480, special_tokens=special, show_progress=False))
    # bytes are tokens of the model, not found in a text
    state = json.loads(t.to_str())
    state["added_tokens"] = [a for a in state["added_tokens"] if not a["content"].startswith("<0x")]
    return Tokenizer.from_str(json.dumps(state))


def sentencepieces(folder, kind):
    prefix = os.path.join(folder, kind)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(WORDS), model_prefix=prefix, vocab_size=420, model_type=kind,
        normalization_rule_name="identity", byte_fallback=True, minloglevel=2,
        hard_vocab_limit=False)
    os.remove(prefix + ".vocab")
    return sentencepiece.SentencePieceProcessor(model_file=prefix + ".model")


def main(folder):
    expected = {}
    for make in (byte_level, split_by_expression, word_pieces, byte_fallback):
        tokenizer, name = make(), make.__name__ + ".json"
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(json.loads(tokenizer.to_str()), file, ensure_ascii=False,
                      separators=(",", ":"))
        cases = []
        for text in TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            cases.append({"text": text, "ids": ids,
                          "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
        expected[name] = cases
    for kind in ("unigram", "bpe"):
        model = sentencepieces(folder, kind)
        cases = []
        for text in [t.encode() for t in TEXTS] + [b"cut \xe2\x82 here", b"\xff\xfe", b"\xc0\x80"]:
            ids = model.encode(text)
            case = {"ids": ids, "decoded": model.decode(ids)}
            try:
                case["text"] = text.decode()
            except UnicodeDecodeError:
                case["base64"] = base64.b64encode(text).decode()
            cases.append(case)
        expected[kind + ".model"] = cases
    with open(os.path.join(folder, "expected.json"), "w", encoding="utf-8") as file:
        json.dump(expected, file, ensure_ascii=True, indent=0, separators=(",", ":"))
        file.write("\n")


main(sys.argv[1])
