// Direct circuits of the trained model, pruned: calibrated on 64 windows of 96 bytes, judged by the
// loss on 12 others, against the table in docs/theory.md. The texts are not part of the project:
// skipped where they are absent.
//
//     pruning_test --table    measures the whole table, Gx and Gy alone too
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <bdh/cpu_engine.hpp>
#include <bdh/import_checkpoint.hpp>
#include <bdh/simulator.hpp>

#include "core/analysis/calibration.hpp"
#include "core/model/direct_form.hpp"
#include "core/simulation/loss.hpp"
#include "reference/attention_form.hpp"

namespace {

const bdh::engine_factory make_engine = [](const bdh::model& m) { return bdh::cpu_engine(m); };

using windows = std::vector<std::vector<bdh::token_id>>;
const std::string texts = BDH_SOURCE_DIR "/../shared/reference/text/";
bool whole_table = false;

windows windows_of(const std::string& name, std::size_t count) {
  std::ifstream file(texts + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(text.size() >= 96 * count);
  windows w(count);
  for (std::size_t i = 0; i < 96 * count; ++i)
    w[i / 96].push_back(static_cast<unsigned char>(text[i]));
  return w;
}

// Nats per prediction; step(token) gives the logits.
template <class Forget, class Step>
double mean_loss(const windows& judged, Forget forget, Step step) {
  double nats = 0;
  std::size_t predictions = 0;
  for (const auto& window : judged) {
    forget();
    for (std::size_t t = 0; t + 1 < window.size(); ++t) {
      nats += bdh::cross_entropy(step(window[t]), window[t + 1]);
      ++predictions;
    }
  }
  return nats / static_cast<double>(predictions);
}

double loss(const bdh::model& m, const windows& judged) {
  bdh::simulator brain(
      m,
      bdh::cpu_engine(m, {.sites = 2, .instructions = bdh::instruction_set::best, .retention = {}}),
      {.threads = 2});
  const auto step = [&](bdh::token_id token) {
    brain.step(token);
    return brain.logits();
  };
  return mean_loss(
      judged, [&] { brain.clear_synapses(); }, step);
}

double loss_by_attention(const bdh::model& m, const windows& judged) {
  tests::attention_form brain(m);
  return mean_loss(
      judged, [&] { brain.clear_synapses(); },
      [&](bdh::token_id token) { return brain.step(token); });
}

void say(const char* what, double share, const char* by, double nats) {
  std::printf("%-9s %5.1f %%  %-9s  %.4f\n", what, 100 * share, by, nats);
  std::fflush(stdout);
}

struct setting {
  bdh::model hubs =
      bdh::import_checkpoint(BDH_SOURCE_DIR "/examples/models/shakespeare-4096/model.safetensors");
  windows judged = windows_of("evaluate.txt", 12);
  double exact = loss(hubs, judged);
  bdh::calibration seen = bdh::calibrate(hubs, make_engine, windows_of("calibrate.txt", 64),
                                         {.pairs = true, .threads = 2, .after_window = {}});

  double circuits(const char* what, double gx, double gy, bdh::ranking rank) const {
    const double nats =
        loss_by_attention(bdh::as_direct(hubs, {gx, gy, 1, rank}, &seen).graph, judged);
    say(what, std::min(gx, gy), rank == bdh::ranking::activity ? "activity" : "magnitude", nats);
    return nats;
  }
  double synapses(double gs) const {
    const double nats =
        loss(bdh::as_direct(hubs, {1, 1, gs, bdh::ranking::activity}, &seen).graph, judged);
    say("synapses", gs, "activity", nats);
    return nats;
  }
};

const setting& measured() {
  static const setting s;
  return s;
}

}  // namespace

TEST_CASE("attention over a window is what the engine does with complete synapses") {
  const bdh::model pruned =
      bdh::as_direct(measured().hubs, {0.1, 0.1, 1, bdh::ranking::activity}, &measured().seen)
          .graph;
  windows beginning{measured().judged[0]};
  beginning[0].resize(12);
  CHECK(loss_by_attention(pruned, beginning) ==
        doctest::Approx(loss(pruned, beginning)).epsilon(1e-4));
}

TEST_CASE(
    "the trained model keeps its loss when circuits are pruned by activity, and more of it than by "
    "magnitude") {
  const setting& s = measured();
  say("exact", 1, "", s.exact);
  for (const auto& [share, most] : {std::pair{0.25, 0.06}, {0.1, 0.25}, {0.05, 0.5}, {0.02, 0.9}}) {
    CAPTURE(share);
    const double by_activity = s.circuits("Gx and Gy", share, share, bdh::ranking::activity);
    CHECK(by_activity - s.exact <= most);
    CHECK(by_activity < s.circuits("Gx and Gy", share, share, bdh::ranking::magnitude));
    for (const bdh::ranking rank : {bdh::ranking::activity, bdh::ranking::magnitude}) {
      if (!whole_table) continue;
      s.circuits("Gx", share, 1, rank);
      s.circuits("Gy", 1, share, rank);
    }
  }
}

TEST_CASE("the trained model keeps its loss with a tenth of its synapses") {
  const setting& s = measured();
  CHECK(s.synapses(0.1) - s.exact <= 0.05);
  if (whole_table)
    for (const double share : {0.25, 0.05, 0.02, 0.01}) s.synapses(share);
}

int main(int argc, char** argv) {
  if (!std::filesystem::exists(texts + "evaluate.txt")) {
    std::printf("skipped: %s is absent\n", texts.c_str());
    return 77;
  }
  whole_table = argc > 1 && std::strcmp(argv[1], "--table") == 0;
  doctest::Context context(argc, argv);
  return context.run();
}
