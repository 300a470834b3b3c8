#include "apps/models/tuning_summary.hpp"

#include <fmt/format.h>

#include <bdh/cpu_engine.hpp>

namespace bdh::app {

const range<double> g_range{tuning_bounds::least_g, tuning_bounds::most_g, "0.1 to 20"};

engine_factory tuning_engine(std::uint64_t threads) {
  return [threads](const model& m) {
    return cpu_engine(m, {.sites = static_cast<site_id>(threads), .retention = {}});
  };
}

made_model tuned_of(const model& m, const model_tuning& how, double target, std::uint64_t threads) {
  tuned_model tuned = with_progress(threads, [&](const tuning_tools& tools) {
    return tune_model(m, how, tools.make_engine, {.active_share = target}, tools.work);
  });
  std::string lines;
  if (how.new_sensory)
    lines = fmt::format("a token drives {} neuron{}\n", tuned.gains.sensory_edges,
                        tuned.gains.sensory_edges == 1 ? "" : "s");
  lines += tuning_text(tuned);
  return {std::move(tuned.result), std::move(lines), {}};
}

std::string tuning_text(const tuned_model& tuned) {
  const circuit_gains& g = tuned.gains;
  const stream_activity& seen = tuned.measured;
  std::string text = fmt::format(
      "gains: Gx {:.4g}, Gy {:.4g} (mean weight of an excitatory edge); g {:.4g} (of an inhibitory "
      "one over it)\nover the last 200 of 1,000 random tokens:\n",
      g.gx, g.gy, g.inhibition_x);
  for (std::size_t l = 0; l < seen.layers.size(); ++l)
    text += fmt::format(
        "  layer {}: {:.1f} % of X active, {:.2g} % of Y, in {:.0f} % of the tokens; largest Y "
        "{:.3g}\n",
        l + 1, 100 * seen.layers[l].x, 100 * seen.layers[l].y, 100 * seen.layers[l].firing,
        seen.layers[l].largest_y);
  return text + fmt::format("  mean {:.1f} % of X, {:.2g} % of Y; largest Y {:.3g}\n",
                            100 * seen.mean_x, 100 * seen.mean_y, seen.largest_y);
}

}  // namespace bdh::app
