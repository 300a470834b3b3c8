#include "apps/machine/plan_ranks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/common/console.hpp"
#include "core/simulation/partition.hpp"

namespace bdh::app {

const char* ranks_time::most() const {
  const double parts[] = {divided, undivided, sending, waiting};
  const char* const names[] = {"work that is divided", "work that every machine does",
                               "bytes that are sent", "waiting for messages"};
  return names[std::max_element(parts, parts + 4) - parts];
}

ranks_time time_on(const planned_model& p, site_id ranks, const memory_speed& memory,
                   double threads, const engine_speed& taken, const network_speed& network) {
  const double parts = ranks;
  planned_traffic all = traffic_of(p, ranks);
  // Every machine begins the rows of all sources that have edges to its targets.
  planned_traffic begun;
  begun.rows_of_sources = all.rows_of_sources;
  begun.row_edges = all.row_edges / parts;
  all.rows_of_sources = 0;
  ranks_time time{.ranks = ranks};
  time.divided = seconds_of(all, memory, threads, taken) / parts;
  time.undivided = seconds_of(begun, memory, threads, taken);
  if (ranks == 1) return time;
  time.sending = all.between_sites / parts / network.rate;
  time.waiting = (all.meetings + 1) *  // and the next token to all
                 (network.latency + (parts - 1) * network.message);
  return time;
}

std::vector<ranks_time> times_on_ranks(const planned_model& p, const memory_speed& memory,
                                       double threads, const engine_speed& taken,
                                       const network_speed& network) {
  const block_grid grid(p.heads, static_cast<neuron_id>(p.neurons / p.heads));
  std::vector<ranks_time> all;
  for (site_id ranks = 1; ranks <= std::min<neuron_id>(1024, grid.blocks()); ranks *= 2)
    all.push_back(time_on(p, ranks, memory, threads, taken, network));
  return all;
}

std::string ranks_text(const std::vector<ranks_time>& times) {
  std::string out = fmt::format("{:>24}{:>14}{:>12}  {}\n", "machines", "tokens/s", "efficiency",
                                "most of the time");
  const double alone = times[0].seconds();
  const ranks_time* paying = &times[0];
  for (const ranks_time& t : times) {
    const double efficiency = alone / (t.seconds() * t.ranks);
    if (efficiency >= 0.5) paying = &t;
    out += fmt::format("{:>24}{:>14.4g}{:>11.0f}%  {}\n", t.ranks, 1 / t.seconds(),
                       100 * efficiency, t.most());
  }
  const auto fastest = std::min_element(
      times.begin(), times.end(),
      [](const ranks_time& a, const ranks_time& b) { return a.seconds() < b.seconds(); });
  out += fmt::format("computed: {} machine{} or fewer are used by half or more; {} {} fastest",
                     paying->ranks, paying->ranks == 1 ? "" : "s", fastest->ranks,
                     fastest->ranks == 1 ? "is" : "are");
  if (fastest + 1 != times.end())
    out += fmt::format(", beyond it {} costs more than is won", (fastest + 1)->most());
  return out + "\n";
}

}  // namespace bdh::app
