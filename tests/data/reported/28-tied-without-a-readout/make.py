"""Writes the inputs into the folder given, or beside itself."""
import math
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pt import CONFIG, HUBS, TOKENS, Tensor, save, state

draw = random.Random(7)
embedding = [draw.gauss(0, 0.3) for _ in range(TOKENS * HUBS)]
turned = [embedding[t * HUBS + d] for d in range(HUBS) for t in range(TOKENS)]


def weights(prefix="", readout=False, names=None):
    made = state(prefix)
    made[prefix + "embed.weight"] = Tensor(embedding, (TOKENS, HUBS))
    if readout:
        made[prefix + "lm_head"] = Tensor(turned, (HUBS, TOKENS))
    else:
        del made[prefix + "lm_head"]
    return {(names or {}).get(k, k): v for k, v in made.items()}


LISTING = {"decoder": "encoder", "encoder": "decoder_x", "encoder_v": "decoder_y",
           "embed.weight": "wte.weight", "attn.freqs": "freqs"}
stated = dict(CONFIG, tie_word_embeddings=True)
save({"model": weights(readout=True), "config": CONFIG}, "readout.pt")
save({"model": weights(readout=True), "config": stated}, "readout-stated.pt")
save({"model": weights(), "config": stated}, "tied.pt")
save({"model": weights("module."), "config": {"model": dict(CONFIG, weightTying="true")}},
     "tied-nested.pt")
save({"model": weights("transformer."), "config": stated}, "tied-prefix.pt")
save({"model": weights(names=LISTING), "config": stated}, "tied-listing.pt")
save({"model": weights(), "config": dict(CONFIG, tie_weights=False)}, "false.pt")
save({"model": weights(), "config": CONFIG}, "not-stated.pt")
save({"model": weights(names={"embed.weight": "head.unknown"}), "config": stated},
     "no-embedding.pt")
other = weights()
other["output_matrix"] = Tensor(turned, (HUBS, TOKENS))
save({"model": other, "config": stated}, "other-name.pt")
assert math.prod((TOKENS, HUBS)) == len(turned)
