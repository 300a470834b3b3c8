// Direct circuits of the trained model, pruned: calibrated on 64 windows of 96 bytes, judged by the loss on 12 others. The texts are
// not part of the project: skipped where they are absent.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/direct_form.hpp"
#include "core/loss.hpp"
#include "core/simulator.hpp"
#include "io/checkpoint.hpp"
#include "kernels/calibrate.hpp"
#include "kernels/cpu_engine.hpp"

namespace {

using windows = std::vector<std::vector<bdh::token_id>>;
const std::string texts = BDH_SOURCE_DIR "/../shared/reference/text/";

windows windows_of(const std::string& name, std::size_t count) {
  std::ifstream file(texts + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(text.size() >= 96 * count);
  windows w(count);
  for (std::size_t i = 0; i < 96 * count; ++i) w[i / 96].push_back(static_cast<unsigned char>(text[i]));
  return w;
}

double loss(const bdh::model& m, const windows& judged) {
  bdh::simulator brain(m, bdh::cpu_engine(m, {.sites = 2, .instructions = bdh::instruction_set::best, .retention = {}}), {.threads = 2});
  double nats = 0;
  std::size_t predictions = 0;
  for (const auto& window : judged) {
    brain.forget();
    for (std::size_t t = 0; t < window.size(); ++t) {
      if (t != 0) nats += bdh::cross_entropy(brain.logits(), window[t]);
      predictions += t != 0;
      brain.step(window[t]);
    }
  }
  return nats / static_cast<double>(predictions);
}

}  // namespace

TEST_CASE("pruned by activity the trained model keeps its loss, and loses less than by magnitude") {
  const bdh::model hubs = bdh::import_checkpoint(BDH_SOURCE_DIR "/examples/models/shakespeare-4096/model.safetensors");
  const windows judged = windows_of("evaluate.txt", 12);
  const double exact = loss(hubs, judged);
  bdh::calibrate_options how;
  how.pairs = true;
  how.threads = 2;
  const bdh::calibration seen = bdh::calibrate(hubs, windows_of("calibrate.txt", 64), how);
  MESSAGE("exact: " << exact);
  const auto lost = [&](double circuits, double synapses, bdh::ranking rank) {
    const bdh::direct_form form = bdh::as_direct(hubs, {circuits, circuits, synapses, rank}, &seen);
    const double nats = loss(form.graph, judged) - exact;
    MESSAGE("circuits " << circuits << (rank == bdh::ranking::activity ? " by activity" : " by magnitude") << ", synapses " << synapses
                        << ": +" << nats);
    return nats;
  };
  CHECK(lost(1, 0.1, bdh::ranking::activity) <= 0.05);
  for (const auto& [share, bound] : {std::pair{0.25, 0.06}, std::pair{0.1, 0.25}}) {
    const double by_activity = lost(share, 1, bdh::ranking::activity);
    CHECK(by_activity <= bound);
    CHECK(by_activity < lost(share, 1, bdh::ranking::magnitude));
  }
}

int main(int argc, char** argv) {
  if (!std::filesystem::exists(texts + "evaluate.txt")) {
    std::printf("skipped: %s is absent\n", texts.c_str());
    return 77;
  }
  doctest::Context context(argc, argv);
  return context.run();
}
