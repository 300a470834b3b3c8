// Prompts in blocks: equal to the token path up to rounding, and to the last bit to themselves, however the work is divided.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/base/error.hpp"
#include "core/simulator.hpp"
#include "kernels/cpu_engine.hpp"
#include "support/models.hpp"

namespace {

constexpr double agreement = 1e-5;  // relative to the largest value: what is promised

struct outcome {
  std::vector<float> logits;  // all tokens
  std::vector<bdh::layer_synapses> synapses;
  std::vector<bdh::token_report> reports;
};

std::vector<bdh::token_id> tokens_of(const std::vector<int>& tokens) { return {tokens.begin(), tokens.end()}; }

// `steps`: so many of the first tokens one by one. Pieces: how the rest is given.
outcome run(bdh::simulator& brain, const std::vector<int>& all, std::size_t steps, std::size_t piece = 1 << 20) {
  outcome o;
  const auto tokens = tokens_of(all);
  const auto keep = [&](const bdh::token_report& r) {
    o.reports.push_back(r);
    o.logits.insert(o.logits.end(), brain.logits().begin(), brain.logits().end());
  };
  for (std::size_t t = 0; t < std::min(steps, tokens.size()); ++t) keep(brain.step(tokens[t]));
  for (std::size_t t = steps; t < tokens.size(); t += piece)
    brain.read(std::span(tokens).subspan(t, std::min(piece, tokens.size() - t)), keep);
  o.synapses = brain.save().layers;
  return o;
}

outcome run(const bdh::model& m, const std::vector<int>& tokens, std::size_t steps, const bdh::cpu_options& cpu = {},
            std::size_t threads = 1, std::size_t piece = 1 << 20) {
  bdh::simulator brain(m, bdh::cpu_engine(m, cpu), {.threads = threads});
  return run(brain, tokens, steps, piece);
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

bool same_bits(const outcome& a, const outcome& b) {
  if (!same_bits(std::span(a.logits), std::span(b.logits)) || a.synapses.size() != b.synapses.size()) return false;
  for (std::size_t l = 0; l < a.synapses.size(); ++l)
    if (!same_bits(a.synapses[l].stored, b.synapses[l].stored) || a.synapses[l].clock != b.synapses[l].clock ||
        !std::equal(a.synapses[l].last_used.begin(), a.synapses[l].last_used.end(), b.synapses[l].last_used.begin()))
      return false;
  for (std::size_t t = 0; t < a.reports.size(); ++t)
    if (a.reports[t].active_x != b.reports[t].active_x || a.reports[t].active_y != b.reports[t].active_y ||
        a.reports[t].synaptic_events != b.reports[t].synaptic_events || a.reports[t].hebbian_writes != b.reports[t].hebbian_writes)
      return false;
  return true;
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

// Neurons whose drive is zero but for rounding may be active in one path alone: a few in ten thousand.
void check_agreement(const outcome& blocks, const outcome& tokens) {
  CHECK(difference(blocks.logits, tokens.logits) < agreement);
  REQUIRE(blocks.reports.size() == tokens.reports.size());
  for (std::size_t l = 0; l < tokens.synapses.size(); ++l) {
    CAPTURE(l);
    CHECK(difference(blocks.synapses[l].stored, tokens.synapses[l].stored) < agreement);
    CHECK(blocks.synapses[l].clock == tokens.synapses[l].clock);
  }
  for (std::size_t t = 0; t < tokens.reports.size(); ++t) {
    CAPTURE(t);
    const bdh::token_report &a = blocks.reports[t], &b = tokens.reports[t];
    CHECK(a.position == b.position);
    CHECK(a.token == b.token);
    for (std::size_t l = 0; l < a.active_x.size(); ++l) {
      CHECK(std::abs(static_cast<double>(a.active_x[l]) - b.active_x[l]) <= 2);
      CHECK(std::abs(static_cast<double>(a.active_y[l]) - b.active_y[l]) <= 2);
    }
    CHECK(static_cast<double>(a.synaptic_events) == doctest::Approx(static_cast<double>(b.synaptic_events)).epsilon(0.01));
    CHECK(static_cast<double>(a.hebbian_writes) == doctest::Approx(static_cast<double>(b.hebbian_writes)).epsilon(0.02));
  }
}

constexpr std::size_t all_tokens = 1 << 20;

}  // namespace

TEST_CASE("blocks agree with tokens: all dynamics, heads, rotation, retention, storage, odd sizes") {
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
          oracle::weights w = tests::random_weights(
              {.neurons_per_head = 150, .heads = heads, .hubs = 45, .vocabulary = 13, .layers = 3, .rotates = rotates}, 40 + ++seed);
          w.retention = u;
          if (!std::string(dynamics).starts_with("gpu")) w.Dy *= 0.02;  // without a gain activity would grow without bound
          const auto tokens = tests::random_tokens(150, 13, seed);
          const bdh::model dense = tests::as_graph(w, dynamics), sparse = tests::as_sparse_graph(w, dynamics);
          const outcome one_by_one = run(dense, tokens, all_tokens);
          check_agreement(run(dense, tokens, 0), one_by_one);
          check_agreement(run(sparse, tokens, 0), one_by_one);
        }
}

TEST_CASE("threads, sites and instruction sets do not change a bit of a block") {
  for (double u : {1.0, 0.97}) {
    oracle::weights w = tests::random_weights({.neurons_per_head = 1100, .heads = 2, .hubs = 77, .vocabulary = 70, .layers = 2}, 3);
    w.retention = u;
    const bdh::model m = tests::as_graph(w, "gpu-release");
    const auto tokens = tests::random_tokens(150, 70, 3);
    const outcome one = run(m, tokens, 0);
    for (bdh::site_id sites : {1u, 2u, 3u, 60u})
      for (std::size_t threads : {1u, 3u}) {
        CAPTURE(sites);
        CAPTURE(threads);
        CHECK(same_bits(one, run(m, tokens, 0, {.sites = sites, .instructions = bdh::instruction_set::best, .retention = {}}, threads)));
      }
    for (auto set : {bdh::instruction_set::plain, bdh::instruction_set::avx2, bdh::instruction_set::avx512}) {
      CAPTURE(bdh::name(set));
      try {
        CHECK(same_bits(one, run(m, tokens, 0, {.sites = 2, .instructions = set, .retention = {}}, 2)));
      } catch (const bdh::unavailable_error& e) {
        MESSAGE("not compared: ", std::string(e.what()));
      }
    }
  }
}
