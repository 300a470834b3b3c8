// Prompts in blocks: equal to the token path up to rounding, and to the last bit to themselves,
// however the work is divided.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <bdh/cpu_engine.hpp>
#include <bdh/error.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/simulator.hpp>

#include "support/instruction_sets.hpp"
#include "support/models.hpp"
#include "support/outcome.hpp"

namespace {

using tests::outcome;
using tests::same_bits;

constexpr double agreement = 1e-5;  // relative to the largest value: what is promised

std::vector<bdh::token_id> tokens_of(const std::vector<int>& tokens) {
  return {tokens.begin(), tokens.end()};
}

// `steps`: so many of the first tokens one by one. Pieces: how the rest is given.
outcome run(bdh::simulator& brain, const std::vector<int>& all, std::size_t steps,
            std::size_t piece = 1 << 20) {
  outcome o;
  const auto tokens = tokens_of(all);
  const auto keep = [&](const bdh::step_report& r) {
    o.reports.push_back(r);
    o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
  };
  for (std::size_t t = 0; t < std::min(steps, tokens.size()); ++t) keep(brain.step(tokens[t]));
  for (std::size_t t = steps; t < tokens.size(); t += piece)
    brain.prefill().read(std::span(tokens).subspan(t, std::min(piece, tokens.size() - t)), keep);
  o.synapses = brain.save().layers;
  return o;
}

outcome run(const bdh::model& m, const std::vector<int>& tokens, std::size_t steps,
            const bdh::cpu_options& cpu = {}, std::size_t threads = 1,
            std::size_t piece = 1 << 20) {
  bdh::simulator brain(m, bdh::cpu_engine(m, cpu), {.threads = threads});
  return run(brain, tokens, steps, piece);
}

template <class A, class B>
double difference(const A& a, const B& b) {
  REQUIRE(static_cast<std::size_t>(a.size()) == static_cast<std::size_t>(b.size()));
  double largest = 1e-30, worst = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.size()); ++i) {
    const double x = a[i], y = b[i];
    largest = std::max(largest, std::abs(y));
    const double d = std::abs(x - y);
    worst = std::isnan(d) ? 1e30 : std::max(worst, d);
  }
  return worst / largest;
}

// Neurons whose drive is zero but for rounding may be active in one path alone: a few in ten
// thousand.
void check_agreement(const outcome& blocks, const outcome& tokens) {
  CHECK(difference(blocks.logits, tokens.logits) < agreement);
  REQUIRE(blocks.reports.size() == tokens.reports.size());
  for (std::size_t l = 0; l < tokens.synapses.size(); ++l) {
    CAPTURE(l);
    CHECK(difference(blocks.synapses[l].strengths(), tokens.synapses[l].strengths()) < agreement);
    CHECK(blocks.synapses[l].clock() == tokens.synapses[l].clock());
  }
  for (std::size_t t = 0; t < tokens.reports.size(); ++t) {
    CAPTURE(t);
    const bdh::step_report &a = blocks.reports[t], &b = tokens.reports[t];
    CHECK(a.position == b.position);
    CHECK(a.token == b.token);
    for (std::size_t l = 0; l < a.active_x.size(); ++l) {
      CHECK(std::abs(static_cast<double>(a.active_x[l]) - b.active_x[l]) <= 2);
      CHECK(std::abs(static_cast<double>(a.active_y[l]) - b.active_y[l]) <= 2);
    }
    CHECK(static_cast<double>(a.synaptic_events) ==
          doctest::Approx(static_cast<double>(b.synaptic_events)).epsilon(0.01));
    CHECK(static_cast<double>(a.hebbian_writes) ==
          doctest::Approx(static_cast<double>(b.hebbian_writes)).epsilon(0.02));
  }
}

constexpr std::size_t all_tokens = 1 << 20;

}  // namespace

TEST_CASE(
    "blocks agree with tokens: all dynamics, heads, rotation, retention, storage, odd sizes") {
  int seed = 0;
  for (const char* dynamics : {"bdh", "normfree", "gpu-paper", "gpu-release"})
    for (int heads : {1, 2, 4})
      for (bool rotates : {false, true})
        for (double u : {1.0, 0.9}) {
          if (heads != 1 && std::string(dynamics) != "gpu-release") continue;
          CAPTURE(dynamics);
          CAPTURE(heads);
          CAPTURE(rotates);
          CAPTURE(u);
          oracle::weights w = tests::random_weights({.neurons_per_head = 150,
                                                     .heads = heads,
                                                     .hubs = 45,
                                                     .vocabulary = 13,
                                                     .layers = 3,
                                                     .rotates = rotates},
                                                    40 + ++seed);
          w.retention = u;
          if (!std::string(dynamics).starts_with("gpu"))
            w.Dy *= 0.02;  // without a gain activity would grow without bound
          const auto tokens = tests::random_tokens(150, 13, seed);
          const bdh::model dense = tests::as_graph(w, dynamics),
                           sparse = tests::as_sparse_graph(w, dynamics);
          const outcome one_by_one = run(dense, tokens, all_tokens);
          const outcome blocks = run(dense, tokens, 0);
          check_agreement(blocks, one_by_one);
          CHECK(same_bits(blocks,
                          run(sparse, tokens,
                              0)));  // a projection with every edge, as a dense block and as CSR
        }
}

namespace {

struct text_in_blocks {
  explicit text_in_blocks(double u) : m(graph(u)), tokens(tests::random_tokens(150, 70, 3)) {}

  bdh::model m;
  std::vector<int> tokens;

 private:
  static bdh::model graph(double u) {
    oracle::weights w = tests::random_weights(
        {.neurons_per_head = 1100, .heads = 2, .hubs = 77, .vocabulary = 70, .layers = 2}, 3);
    w.retention = u;
    return tests::as_graph(w, "gpu-release");
  }
};

}  // namespace

TEST_CASE("threads and sites do not change a bit of a block") {
  for (double u : {1.0, 0.97}) {
    const text_in_blocks text(u);
    const outcome one = run(text.m, text.tokens, 0);
    for (bdh::site_id sites : {1u, 2u, 3u, 60u})
      for (std::size_t threads : {1u, 3u}) {
        CAPTURE(sites);
        CAPTURE(threads);
        CHECK(same_bits(
            one, run(text.m, text.tokens, 0,
                     {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}},
                     threads)));
      }
  }
}

TEST_CASE("the instruction set does not change a bit of a block") {
  for (double u : {1.0, 0.97}) {
    const text_in_blocks text(u);
    const outcome one = run(text.m, text.tokens, 0);
    for (auto set : tests::instruction_sets()) {
      CAPTURE(bdh::name(set));
      CHECK(same_bits(
          one, run(text.m, text.tokens, 0, {.sites = 2, .instructions = set, .retention = {}}, 2)));
    }
  }
}

TEST_CASE("blocks agree with tokens on the trained model and on the random checkpoint") {
  for (const char* file : {"/tests/data/random-64/model.safetensors",
                           "/examples/models/shakespeare-4096/model.safetensors"}) {
    CAPTURE(file);
    const bdh::model m = bdh::import_checkpoint(std::string(BDH_SOURCE_DIR) + file);
    const std::string text =
        "To be, or not to be, that is the question: Whether 'tis nobler in the mind to suffer the "
        "slings and arrows of outrageous fortune, "
        "or to take arms against a sea of troubles, and by opposing end them.";
    const std::vector<int> tokens(text.begin(), text.end());
    check_agreement(run(m, tokens, 0), run(m, tokens, all_tokens));
  }
}

TEST_CASE("blocks follow the equations in double precision") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 70, .heads = 2, .hubs = 37, .vocabulary = 11, .layers = 3}, 5);
  w.retention = 0.9;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(100, 11, 3);
  const outcome blocks = run(m, tokens, 0);
  oracle::graph_form reference(w, oracle::variant::gpu_release);
  const auto expected = reference.run(tokens);
  constexpr double rounding = 3e-5;  // as of the token path
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    CAPTURE(t);
    CHECK(difference(std::vector<float>(blocks.logits.begin() + 11 * t,
                                        blocks.logits.begin() + 11 * (t + 1)),
                     expected[t].logits) < rounding);
  }
  bdh::simulator brain(m, bdh::cpu_engine(m));
  brain.prefill().read(tokens_of(tokens));
  for (int l = 0; l < w.layers; ++l)
    for (int i : {0, 1, 77, 139}) {
      const Eigen::VectorXd row = reference.rho(l).col(i);
      const auto found =
          brain.synapses(static_cast<bdh::layer_id>(l + 1), static_cast<bdh::neuron_id>(i));
      const double largest = reference.rho(l).cwiseAbs().maxCoeff();
      for (int k = 0; k < w.d; ++k)
        CHECK(std::abs(found[static_cast<std::size_t>(k)] - row(k)) < rounding * largest);
    }
}

TEST_CASE("rounded weights are read in blocks as the same weights in float32 are") {
  const oracle::weights w = tests::random_weights(
      {.neurons_per_head = 90, .heads = 2, .hubs = 33, .vocabulary = 12, .layers = 2}, 14);
  const auto tokens = tests::random_tokens(100, 12, 1);
  oracle::weights rounded = w;
  for (Eigen::MatrixXd* part :
       {&rounded.E, &rounded.Dx, &rounded.Dy, &rounded.embedding, &rounded.readout})
    *part = part->unaryExpr(
        [](double v) { return double{bdh::to_float(bdh::to_bfloat16(static_cast<float>(v)))}; });
  const bdh::model wide = tests::as_graph(rounded, "gpu-release");
  const outcome expected = run(wide, tokens, 0);
  CHECK(same_bits(expected, run(tests::as_graph(w, "gpu-release").in_bfloat16(), tokens, 0)));
  CHECK(
      same_bits(expected, run(tests::as_sparse_graph(w, "gpu-release").in_bfloat16(), tokens, 0)));
}

TEST_CASE("texts that end, begin and go on anywhere in a block") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 100, .heads = 2, .hubs = 33, .vocabulary = 12, .layers = 2}, 9);
  w.retention = 0.98;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  for (const int length : {1, 2, 63, 64, 65, 130, 257, 330})
    for (const std::size_t steps : {0, 1, 10, 64, 70}) {
      if (steps >= static_cast<std::size_t>(length)) continue;
      CAPTURE(length);
      CAPTURE(steps);
      const auto tokens = tests::random_tokens(length, 12, length);
      check_agreement(run(m, tokens, steps), run(m, tokens, all_tokens));
    }
}

TEST_CASE(
    "cutting a text between blocks changes no bit; nor does saving and restoring there, or within "
    "a block") {
  const bdh::model m =
      tests::as_graph(tests::random_weights(
                          {.neurons_per_head = 128, .heads = 1, .hubs = 40, .vocabulary = 12}, 10),
                      "gpu-release");
  const auto tokens = tests::random_tokens(400, 12, 1);
  const outcome whole = run(m, tokens, 0);
  for (std::size_t piece : {64u, 128u, 192u, 320u})
    CHECK(same_bits(whole, run(m, tokens, 0, {}, 1, piece)));

  const std::vector<int> begun(tokens.begin(), tokens.begin() + 128),
      rest(tokens.begin() + 128, tokens.end());
  bdh::simulator first(
      m, bdh::cpu_engine(
             m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}}));
  run(first, begun, 0);
  bdh::simulator second(m, bdh::cpu_engine(m));
  second.restore(first.save());
  const outcome gone_on = run(second, rest, 0);
  CHECK(gone_on.reports.front().position == 128);
  CHECK(same_bits(std::span(whole.logits).subspan(128 * 12), std::span(gone_on.logits)));

  // From token 70 on: the first block ends at 128, whether the synapses were restored or not.
  const std::vector<int> end_(tokens.begin() + 70, tokens.end());
  bdh::simulator third(m, bdh::cpu_engine(m)), fourth(m, bdh::cpu_engine(m));
  run(third, {tokens.begin(), tokens.begin() + 70}, all_tokens);
  fourth.restore(third.save());
  CHECK(same_bits(run(third, end_, 0), run(fourth, end_, 0)));
}

TEST_CASE("layers whose clocks differ, as another round table leaves them") {
  oracle::weights w = tests::random_weights(
      {.neurons_per_head = 90, .heads = 2, .hubs = 33, .vocabulary = 12, .layers = 3}, 13);
  w.retention = 0.95;
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const auto tokens = tests::random_tokens(150, 12, 1);
  bdh::simulator begun(m, bdh::cpu_engine(m));
  run(begun, {tokens.begin(), tokens.begin() + 40}, all_tokens);
  bdh::run_state state = begun.save();
  state.layers[1].clock() += 17;
  state.layers[2].clock() += 3;
  bdh::simulator blocks(m, bdh::cpu_engine(m)), steps(m, bdh::cpu_engine(m));
  blocks.restore(state);
  steps.restore(state);
  const std::vector<int> rest(tokens.begin() + 40, tokens.end());
  check_agreement(run(blocks, rest, 0), run(steps, rest, all_tokens));
}

TEST_CASE("after a block everything is as after its last token") {
  const bdh::model m = tests::as_graph(
      tests::random_weights({.neurons_per_head = 90, .heads = 2, .hubs = 33, .vocabulary = 12}, 12),
      "gpu-release");
  const auto tokens = tokens_of(tests::random_tokens(100, 12, 1));
  bdh::simulator blocks(
      m, bdh::cpu_engine(
             m, {.sites = 3, .instructions = bdh::instruction_set::best, .retention = {}})),
      steps(m, bdh::cpu_engine(m));
  blocks.prefill().read(tokens);
  for (bdh::token_id t : tokens) steps.step(t);
  for (auto v : {bdh::variable::x, bdh::variable::y, bdh::variable::w, bdh::variable::a})
    CHECK(difference(blocks.read(v), steps.read(v)) < agreement);
  CHECK(difference(blocks.logits(), steps.logits()) < agreement);
  CHECK(blocks.tokens() == steps.tokens());
  blocks.step(3);
  steps.step(3);
  CHECK(difference(blocks.logits(), steps.logits()) < agreement);
}

TEST_CASE("what needs every token's inner state refuses blocks, and says why") {
  const oracle::weights w =
      tests::random_weights({.neurons_per_head = 64, .heads = 1, .hubs = 16, .vocabulary = 5}, 8);
  const bdh::model m = tests::as_graph(w, "gpu-release");
  const std::vector<bdh::token_id> tokens{1, 2, 3};
  const auto refuses = [&](bdh::simulator& brain, const std::string& why) {
    CHECK(brain.prefill().refused() == why);
    CHECK_THROWS_AS(brain.prefill().read(tokens), bdh::unavailable_error);
    CHECK(brain.tokens() == 0);
  };
  bdh::simulator brain(m, bdh::cpu_engine(m));
  CHECK_FALSE(brain.prefill().refused());
  const int observing = brain.observe([](bdh::layer_id, bdh::moment) {});
  refuses(brain, "an observer between rounds");
  brain.stop_observing(observing);
  const int number = brain.interventions().add(bdh::parse_intervention(m, "silence x:3"));
  refuses(brain, "interventions");
  brain.interventions().remove(number);
  CHECK_THROWS_AS(brain.prefill().read(std::vector<bdh::token_id>{1, 5}), bdh::input_error);
  CHECK(brain.tokens() == 0);
  brain.prefill().read(tokens);
  CHECK(brain.tokens() == 3);
  bdh::simulator probed(m, bdh::cpu_engine(m));
  probed.probes().add({{1, 2}, 1});
  refuses(probed, "probes");
  bdh::round_table table = bdh::round_table::published();
  table.rounds[1] = {bdh::action::decay};
  bdh::simulator changed(m, bdh::cpu_engine(m), {.threads = 1, .table = table});
  refuses(changed, "a changed round table");
  const oracle::circuits c = tests::random_circuits({}, 1);
  const bdh::model direct = tests::as_direct_graph(c, "bdh", nullptr, false);
  bdh::simulator explicit_edges(direct, bdh::cpu_engine(direct));
  refuses(explicit_edges, "explicit edges");
}

TEST_CASE("a value in a block that is not finite stops the run") {
  oracle::weights w =
      tests::random_weights({.neurons_per_head = 64, .heads = 1, .hubs = 16, .vocabulary = 5}, 8);
  w.Dy *= 1e12;
  w.E *= 1e12;
  const bdh::model m = tests::as_graph(w, "bdh");
  bdh::simulator doomed(m, bdh::cpu_engine(m));
  std::string message;
  try {
    doomed.prefill().read(tokens_of(tests::random_tokens(100, 5, 1)));
  } catch (const bdh::input_error& e) {
    message = e.what();
  }
  CAPTURE(message);
  CHECK(message.find("token ") == 0);
  CHECK(message.find("layer ") != std::string::npos);
  CHECK(message.find("expected a finite value") != std::string::npos);
  CHECK_THROWS_AS(doomed.step(1), bdh::input_error);
  doomed.clear_synapses();
  CHECK(doomed.tokens() == 0);
}
