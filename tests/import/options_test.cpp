// What a file leaves open, which option supplies it, and which contradictions are refused.
#include "support.hpp"

using namespace import_tests;
using bdh::import_checkpoint;
using bdh::import_options;

namespace {

// A copy of the converted reference in a folder of its own, with this config.json beside it.
std::filesystem::path beside_config(const std::string& arguments, const std::string& config) {
  static int count = 0;
  const auto place = folder() / ("config" + std::to_string(++count));
  std::filesystem::create_directories(place);
  std::ofstream(place / "config.json") << config;
  const auto file = converted("moved.pt", arguments);
  std::filesystem::rename(file, place / "model.pt");
  return place / "model.pt";
}

}  // namespace

TEST_CASE(
    "the number of layers: option, metadata, wrapper, config.json, or a refusal that names the "
    "option") {
  const auto bare = converted("bare.pt", "");
  CHECK(contains(import_refusal(bare, {}), "--layers"));
  CHECK(contains(import_refusal(bare, {}), "6"));
  CHECK(import_checkpoint(bare, with_layers(5)).layers() == 5);
  CHECK(has_line(import_checkpoint(bare, with_layers(5)), "5 layers (--layers)"));
  CHECK(has_line(import_checkpoint(converted("m.safetensors", "--state n_layer=4"), {}),
                 "4 layers (n_layer in the file's metadata)"));
  CHECK(has_line(import_checkpoint(converted("w.pt", "--wrapper model --state n_layers=7"), {}),
                 "7 layers (n_layers in 'config' in the file)"));
  for (const char* key : {"n_layer", "num_hidden_layers", "n_layers"}) {
    const auto file =
        beside_config("", std::string("{\"") + key +
                              "\": 2, \"n_head\": 2, \"vocab_size\": 256, \"name\": \"x\"}");
    CHECK(import_checkpoint(file, {}).layers() == 2);
    CHECK(has_line(import_checkpoint(file, {}), "config.json beside the file"));
    CHECK(has_line(import_checkpoint(file, with_layers(4)),
                   "4 layers (--layers; config.json beside the file says 2)"));
  }
}

TEST_CASE("contradictions are errors") {
  CHECK(contains(import_refusal(converted("c.safetensors", "--state n_layer=4"), with_layers(3)),
                 "--layers: 3, expected 4"));
  CHECK(contains(import_refusal(converted("c.safetensors", "--state n_head=3")), "n_head 3"));
  CHECK(contains(import_refusal(beside_config("", R"({"n_layer": 2, "n_head": 8})")), "n_head 8"));
  CHECK(contains(import_refusal(beside_config("", R"({"vocab_size": 65})")), "vocab_size 65"));
  CHECK(contains(
      import_refusal(beside_config("--wrapper model --state n_layer=3", R"({"n_layer": 2})"), {}),
      "n_layer 2 in config.json"));
  CHECK(contains(import_refusal(beside_config("", R"({"n_layer": 2, "n_layers": 3})"), {}),
                 "n_layer 2"));
  CHECK(contains(import_refusal(beside_config("", R"({"n_layer": 2.5})"), {}), "2.5 layers"));
  CHECK(contains(import_refusal(beside_config("", "[1,")), "config.json: no JSON object"));

  CHECK(contains(import_refusal(beside_config("--layout hugging-face --tied",
                                              R"({"tie_word_embeddings": false})")),
                 "no lm_head.weight"));
  CHECK(contains(import_refusal(beside_config("", R"({"use_rope": false})")),
                 "a model with use_rope false (config.json beside the file)"));

  import_options heads = with_layers();
  heads.heads = 4;
  CHECK(contains(import_refusal(reference, heads), "--heads: 4, expected 2, the first axis"));
  heads.heads = 2;
  CHECK(import_refusal(reference, heads).empty());

  import_options theta = with_layers();
  theta.theta = 10000;
  CHECK(contains(import_refusal(reference, theta), "--theta: 10000"));
  const auto without_table = converted("theta.pt", "--no-table");
  CHECK(has_line(import_checkpoint(without_table, theta), "theta 10000 (--theta)"));
  CHECK(has_line(import_checkpoint(without_table, with_layers()), "theta 65536 (assumed"));
  theta.theta = -1;
  CHECK_FALSE(import_refusal(without_table, theta).empty());

  CHECK(contains(import_refusal(reference, with_layers(0)), "--layers: 0"));
  CHECK(contains(import_refusal(converted("zero.pt", ""), with_layers(0)), "0 layers"));
}

TEST_CASE("the frequency table must have equal values in a pair") {
  CHECK(contains(import_refusal(converted("pair.pt", "--poke attn.freqs:7=0.25")), "pair (6, 7)"));
  import_options half = with_layers();
  half.pairs = bdh::pairing::half_split;
  CHECK(contains(import_refusal(converted("half.pt", ""), half), "pair (0, 16)"));
  CHECK(contains(import_refusal(converted("half.pt", ""), half), "fits --pairing interleaved"));
  const bdh::model m = import_checkpoint(converted("half.pt", "--no-table"), half);
  CHECK(m.renumbered());
  CHECK(has_line(m, "pairing half-split (--pairing)"));
  const auto interleaved = import_checkpoint(converted("half.pt", "--no-table"), with_layers());
  for (bdh::neuron_id i = 0; i < m.neurons(); ++i)
    for (bdh::neuron_id hub = 0; hub < m.hubs(); ++hub) {
      const auto& [a, b] =
          std::pair{m.circuits().dx.weights(), interleaved.circuits().dx.weights()};
      CHECK(a[i * 8 + hub] == b[m.original_id(i) * 8 + hub]);
      CHECK(m.circuits().e.weights()[i * 8 + hub] ==
            interleaved.circuits().e.weights()[m.original_id(i) * 8 + hub]);
    }
}

TEST_CASE("a rotary buffer that disagrees with the rotation is not ignored") {
  CHECK(contains(import_refusal(converted("inverse.pt", "--no-table --add attn.inv_freq=16")),
                 "attn.inv_freq[1]: 1"));
  CHECK(
      import_refusal(converted("cached.pt", "--add attn._cos_cached=16 --add attn._sin_cached=16"))
          .empty());
}

TEST_CASE("tokenizer and epsilon") {
  import_options o = with_layers();
  o.tokens = bdh::tokenizer::ids;
  o.epsilon = 1e-6;
  const bdh::model m = import_checkpoint(reference, o);
  CHECK(m.tokens() == bdh::tokenizer::ids);
  CHECK(m.rules().epsilon() == 1e-6);
  CHECK(has_line(m, "tokenizer ids (--tokenizer)"));
  CHECK(has_line(m, "epsilon 1e-06 (--eps)"));
  o.tokens = bdh::tokenizer::byt5;
  CHECK_FALSE(import_refusal(reference, o).empty());
  o.tokens.reset();
  o.epsilon = 0;
  CHECK_FALSE(import_refusal(reference, o).empty());
}

TEST_CASE("files that are no checkpoints") {
  CHECK(contains(import_refusal(folder()), "expected a file with the weights"));
  CHECK(contains(import_refusal(folder() / "missing.pt"), "missing.pt: No such file"));
  std::ofstream(folder() / "empty.pt");
  CHECK(contains(import_refusal(folder() / "empty.pt"), "an empty file"));
  CHECK(
      contains(import_refusal(BDH_SOURCE_DIR "/tests/data/random-64/expected.h5"), "an HDF5 file"));
  CHECK(contains(import_refusal(BDH_SOURCE_DIR "/CMakeLists.txt"), "unknown contents"));
  std::ofstream(folder() / "legacy.pt", std::ios::binary) << std::string(
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.", 21);
  CHECK(contains(import_refusal(folder() / "legacy.pt"), "re-save"));
}
