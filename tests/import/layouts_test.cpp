// Every layout, format, prefix and wrapper of the same weights gives the same model.
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace import_tests;
using bdh::import_checkpoint;

TEST_CASE("the released layout becomes the graph that the file's tensors describe") {
  const bdh::model m = import_checkpoint(reference);
  CHECK(m.rules().name() == "gpu-release");
  CHECK(m.neurons() == 64);
  CHECK(m.hubs() == 8);
  CHECK(m.heads() == 2);
  CHECK(m.layers() == 3);
  CHECK(m.sensory_nodes() == 256);
  CHECK(m.readout_nodes() == 256);
  CHECK(m.tokens() == bdh::tokenizer::bytes);
  CHECK_FALSE(m.renumbered());
  CHECK(m.origin().source == "model.safetensors");
  CHECK(m.origin().source_sha256 ==
        "ccc185d52cb44570a11191200ccf339530b3ed74fa6d97f7f8ca9f3b296aae16");
  CHECK(m.origin().layout == "released code");

  // Straight from the file's bytes: encoder (2, 8, 32), decoder (64, 8), lm_head (8, 256),
  // embed.weight (256, 8).
  const std::vector<std::byte> file = contents(reference);
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  const auto header = nlohmann::json::parse(
      std::string_view(reinterpret_cast<const char*>(file.data()) + 8, length));
  const auto value = [&](const char* name, std::size_t i) {
    float f = 0;
    std::memcpy(
        &f, file.data() + 8 + length + header[name]["data_offsets"][0].get<std::size_t>() + 4 * i,
        4);
    return f;
  };
  const auto& c = m.circuits();
  for (const bdh::neuron_id neuron : {0u, 1u, 31u, 32u, 63u})
    for (const bdh::neuron_id hub : {0u, 3u, 7u}) {
      const std::size_t head = neuron / 32, k = neuron % 32;
      CHECK(c.dx.weights()[*c.dx.find(hub, neuron)] == value("encoder", (head * 8 + hub) * 32 + k));
      CHECK(c.dy.weights()[*c.dy.find(hub, neuron)] ==
            value("encoder_v", (head * 8 + hub) * 32 + k));
      CHECK(c.e.weights()[*c.e.find(neuron, hub)] == value("decoder", neuron * 8 + hub));
      CHECK(c.sensory.weights()[*c.sensory.find(neuron, hub)] ==
            value("embed.weight", neuron * 8 + hub));
      CHECK(c.readout.weights()[*c.readout.find(hub, neuron)] ==
            value("lm_head", hub * 256 + neuron));
    }
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(m.rotation().frequency()[i] == value("attn.freqs", 2 * i));
}

TEST_CASE("PyTorch's own file of the same weights gives the same model") {
  check_same_projections(import_checkpoint(BDH_SOURCE_DIR "/tests/data/random-64/model.pt"),
                         import_checkpoint(reference));
}

TEST_CASE("layouts and formats") {
  const bdh::model expected = import_checkpoint(reference);
  for (const char* format : {".safetensors", ".pt"})
    for (const char* layout : {"released", "listing", "hugging-face"}) {
      CAPTURE(format);
      CAPTURE(layout);
      const bdh::model m = import_checkpoint(
          converted(layout + std::string(format), std::string("--layout ") + layout),
          with_layers());
      check_same_projections(m, expected);
      CHECK_FALSE(m.renumbered());
      CHECK(has_line(m, "pairing interleaved"));
      for (std::size_t i = 0; i < 16; ++i)
        CHECK(m.rotation().frequency()[i] ==
              doctest::Approx(expected.rotation().frequency()[i]).epsilon(1e-6));
    }
}

TEST_CASE(
    "the educational port: half-split pairs are put side by side, and the mask must be requested") {
  const bdh::model expected = import_checkpoint(reference);
  for (const char* format : {".safetensors", ".pt"}) {
    const auto file = converted(std::string("educational") + format, "--layout educational");
    CHECK(contains(import_refusal(file), "--causal"));
    bdh::import_options options = with_layers();
    options.causal = true;
    const bdh::model by_default = import_checkpoint(file, options);
    check_same_projections(by_default, expected);
    CHECK(by_default.rotation().frequency()[8] ==
          doctest::Approx(bdh::rotation::geometric(10000, 32).frequency()[8]));
    CHECK(has_line(by_default, "pairing half-split (assumed"));
    CHECK(has_line(by_default, "theta 10000 (assumed"));
    CHECK(has_line(by_default, "causal"));

    options.theta = 65536;
    const bdh::model m = import_checkpoint(file, options);
    for (std::size_t i = 0; i < 16; ++i)
      CHECK(m.rotation().frequency()[i] ==
            doctest::Approx(expected.rotation().frequency()[i]).epsilon(1e-6));
    REQUIRE(m.renumbered());
    CHECK(m.original_id(0) == 0);
    CHECK(m.original_id(1) == 16);
    CHECK(m.original_id(2) == 1);
    CHECK(m.original_id(33) == 32 + 16);
    CHECK(m.original_id(63) == 63);
  }
}

TEST_CASE("a tied readout is the embedding") {
  for (const char* format : {".safetensors", ".pt"}) {
    const bdh::model m = import_checkpoint(
        converted(std::string("tied") + format, "--layout hugging-face --tied"), with_layers());
    CHECK(same_bits(m.circuits().readout.weights(), m.circuits().sensory.weights()));
    CHECK(has_line(m, "tied"));
  }
}

TEST_CASE("prefixes and wrappers, with optimizer state beside the weights") {
  const bdh::model expected = import_checkpoint(reference);
  for (const char* prefix : {"_orig_mod.", "module.", "model.", "backbone.", "_orig_mod.module.",
                             "module._orig_mod.model."}) {
    CAPTURE(prefix);
    check_same_projections(
        import_checkpoint(converted("prefix.safetensors", std::string("--prefix ") + prefix),
                          with_layers()),
        expected);
    check_same_projections(
        import_checkpoint(converted("prefix.pt", std::string("--prefix ") + prefix), with_layers()),
        expected);
  }
  for (const char* wrapper : {"model", "state_dict", "model_state_dict", "model_state"}) {
    CAPTURE(wrapper);
    check_same_projections(
        import_checkpoint(converted("wrapped.pt", std::string("--wrapper ") + wrapper),
                          with_layers()),
        expected);
  }
  check_same_projections(
      import_checkpoint(converted("both.pt", "--wrapper model --prefix _orig_mod."), with_layers()),
      expected);
}

TEST_CASE("pickle protocols, parameters and strided views") {
  const bdh::model expected = import_checkpoint(reference);
  for (int protocol = 2; protocol <= 5; ++protocol)
    check_same_projections(
        import_checkpoint(
            converted("protocol.pt", "--wrapper model --protocol " + std::to_string(protocol)),
            with_layers()),
        expected);
  check_same_projections(
      import_checkpoint(converted("parameters.pt", "--hostile parameters"), with_layers()),
      expected);
  check_same_projections(
      import_checkpoint(converted("strided.pt", "--hostile strided"), with_layers()), expected);
}

TEST_CASE("element types: what float16 and bfloat16 keep, and float64 exactly") {
  const bdh::model expected = import_checkpoint(reference);
  for (const char* format : {".safetensors", ".pt"}) {
    check_same_projections(
        import_checkpoint(converted(std::string("f64") + format, "--dtype f64"), with_layers()),
        expected);
    for (const auto& [dtype, precision] : {std::pair{"f16", 0x1p-11}, std::pair{"bf16", 0x1p-8}}) {
      const bdh::model m = import_checkpoint(
          converted(dtype + std::string(format), std::string("--dtype ") + dtype), with_layers());
      const auto got = m.circuits().dx.weights(), exact = expected.circuits().dx.weights();
      REQUIRE(got.size() == exact.size());
      for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(std::abs(got[i] - exact[i]) <= precision * std::abs(exact[i]) + 0x1p-25);
    }
  }
}

TEST_CASE("an unused lm_gate is ignored; any other unknown tensor is refused by name") {
  check_same_projections(import_checkpoint(converted("gate.pt", "--add lm_gate=8"), with_layers()),
                         import_checkpoint(reference));
  for (const char* name : {"coord_w", "writer_W1", "pos.weight", "rho", "lambda_param",
                           "forget_gate", "layers.0.encoder", "anything"}) {
    CAPTURE(name);
    CHECK(contains(
        import_refusal(converted("extra.safetensors", std::string("--add ") + name + "=8")),
        std::string(":") + name));
  }
}

TEST_CASE("an unknown layout is described in one line") {
  const std::string text = import_refusal(converted("unknown.pt", "--drop encoder_v"));
  CHECK(contains(text, "encoder (2, 8, 32)"));
  CHECK(contains(text, "released code: encoder and encoder_v (h,d,N)"));
  CHECK(contains(text, "educational port: E (n,d)"));
  std::string many = "--drop encoder";
  for (int i = 0; i < 30; ++i) many += " --add tensor" + std::to_string(i) + "=1";
  const std::string long_text = import_refusal(converted("many.safetensors", many));
  CHECK(contains(long_text, "35 tensors"));
  CHECK(contains(long_text, "and 15 more"));
  CHECK(contains(import_refusal(converted("headless.pt", "--drop lm_head")), "unknown layout"));
}

TEST_CASE("tensors that do not fit each other are refused, naming the one at fault") {
  CHECK(contains(import_refusal(converted("shape.pt", "--drop attn.freqs --add attn.freqs=30")),
                 ":attn.freqs: shape (30)"));
  CHECK(contains(import_refusal(converted("double.pt", "--add module.lm_head=8")),
                 "the same name as"));
}

TEST_CASE("weights that are not finite are refused with the file's own names") {
  CHECK(contains(import_refusal(converted("nan.pt", "--poke decoder:12=nan")),
                 "nan.pt:decoder[12]: nan, expected a finite weight"));
  CHECK(contains(import_refusal(converted("inf.safetensors", "--poke encoder:300=inf --dtype f16")),
                 "inf.safetensors:encoder[300]: inf"));
  CHECK(
      contains(import_refusal(converted("minus.safetensors", "--poke lm_head:0=-inf --dtype bf16")),
               "minus.safetensors:lm_head[0]: -inf"));
  CHECK(contains(import_refusal(converted("table.safetensors", "--poke attn.freqs:3=nan")),
                 "table.safetensors:attn.freqs[3]: nan"));
}
