#include "apps/models/import_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/models/write_model.hpp"

namespace bdh::app {
namespace {

constexpr range<double> theta_range{std::numeric_limits<double>::min(), 1e30, "a number > 0"};

std::string count(edge_id n) { return shown_count(static_cast<double>(n)); }

std::string edges_line(const char* what, const projection& excitatory,
                       const projection& inhibitory) {
  return fmt::format("{}: {} edges, {} excitatory and {} inhibitory\n", what,
                     count(excitatory.edges() + inhibitory.edges()), count(excitatory.edges()),
                     count(inhibitory.edges()));
}

std::optional<node_ids> ids_named(const std::string& text) {
  if (text == "from-0") return node_ids::from_0;
  if (text == "from-1") return node_ids::from_1;
  if (text == "names") return node_ids::names;
  return std::nullopt;
}

// source=A,target=B,weight=C,sign=D, in any order, one at least.
std::optional<column_choice> columns_of(const std::string& text) {
  column_choice c;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size()), equals = text.find('=', at);
    if (equals >= end || equals + 1 == end) return std::nullopt;
    const std::string role = text.substr(at, equals - at);
    std::optional<std::string>* to = nullptr;
    if (role == "source") to = &c.source;
    if (role == "target") to = &c.target;
    if (role == "weight") to = &c.weight;
    if (role == "sign") to = &c.sign;
    if (to == nullptr || *to) return std::nullopt;
    *to = text.substr(equals + 1, end - equals - 1);
    at = end + 1;
  }
  return c;
}

// theta=T
std::optional<double> theta_of(const std::string& text) {
  if (!text.starts_with("theta=")) return std::nullopt;
  return parse_number(std::string_view(text).substr(6), theta_range);
}

}  // namespace

void graph_file_choice::add_to(command_line& command) {
  const auto file = [&](const char* name, std::optional<std::string>& target, const char* help,
                        const char* type = "FILE") -> option& {
    return command.add(name, target, help)
        .type_name(type)
        .group("Graph files (Matrix Market, CSV, GraphML, or CSR in HDF5: FILE:/group)");
  };
  file("--gx", gx, "edges of the circuit that drives X; negative weights inhibit");
  file("--gy", gy, "edges of the circuit that drives Y [those of --gx]");
  file("--gs", gs, "synapses, with their plasticity rates [the edges of --gx, rate 1]");
  file("--sensory", sensory,
       "edges token -> neuron, or random:K@SEED: K neurons for each token [random, 5 % of the "
       "neurons]");
  file("--readout", readout, "edges neuron -> token [none: no logits]");
  file("--retention", retention,
       "factor u on every synapse per token, or a file with one for each synapse [1]", "U|FILE");
  file("--rotation", rotation,
       "theta=T: synapses turn, pair m of N neurons by T^(-2m/N) per token [none]", "HOW");
  file("--dynamics", dynamics, "bdh or normfree [bdh]", "NAME").values({"bdh", "normfree"});
  file("--ids", ids,
       "what ids of neurons are: numbers from-0 or from-1, or names [numbers from 0 where all of a "
       "file are; names where one is not, or they are too sparse for numbers]",
       "WHAT")
      .values({"from-0", "from-1", "names"});
  file(
      "--columns", columns,
      "source=A,target=B,weight=C,sign=D: which columns of CSV files they are, by name or by "
      "number "
      "from 1 [by the names that programs use]; sign=none: words for excitatory and inhibitory are "
      "not read",
      "LIST");
  add_number<std::uint64_t>(command, "--neurons", neurons, {1, 0xfffffffe, "1 to 4294967294"},
                            "neurons, where the files have only edges [the largest id + 1]")
      .group("Graph files (Matrix Market, CSV, GraphML, or CSR in HDF5: FILE:/group)");
  add_number<std::uint64_t>(command, "--vocabulary", vocabulary, {1, 1 << 20, "1 to 1048576"},
                            "tokens [what --sensory says, or 256]")
      .group("Graph files (Matrix Market, CSV, GraphML, or CSR in HDF5: FILE:/group)");
}

void graph_file_choice::check() const {
  if (!chosen()) {
    const bool others = gy || gs || sensory || readout || retention || rotation || dynamics ||
                        vocabulary || ids || columns || neurons;
    if (others) throw usage_error("options of graph files", "need --gx FILE");
    return;
  }
  if (rotation && !theta_of(*rotation))
    throw usage_error("--rotation", "'" + *rotation + "', expected theta=T with T > 0");
  if (dynamics && *dynamics != "bdh" && *dynamics != "normfree")
    throw usage_error("--dynamics", "'" + *dynamics + "', expected bdh or normfree");
  if (ids && !ids_named(*ids))
    throw usage_error("--ids", "'" + *ids + "', expected from-0, from-1 or names");
  if (columns && !columns_of(*columns))
    throw usage_error("--columns",
                      "'" + *columns + "', expected source=A,target=B,weight=C,sign=D");
  // A number is never taken for a file.
  if (retention && parse_number<double>(*retention, {-1e300, 1e300, ""}) &&
      !parse_number(*retention, retention_range))
    throw usage_error("--retention",
                      "'" + *retention + "', expected " + retention_range.text + ", or a file");
}

graph_import_options graph_file_choice::options() const {
  graph_import_options o;
  o.gx = *gx;
  o.gy = gy;
  o.gs = gs;
  o.sensory = sensory.value_or("");
  o.readout = readout;
  if (vocabulary) o.vocabulary = static_cast<neuron_id>(*vocabulary);
  if (ids) o.reading.ids = *ids_named(*ids);
  if (columns) o.reading.columns = *columns_of(*columns);
  if (neurons) o.reading.neurons = static_cast<neuron_id>(*neurons);
  if (dynamics) o.dynamics = *dynamics;
  if (rotation) o.theta = theta_of(*rotation);
  if (!retention) return o;
  if (const auto u = parse_number(*retention, retention_range))
    o.retention = *u;
  else
    o.retention_file = retention;
  return o;
}

std::string graph_summary(const imported_graph& made) {
  const model& m = made.result;
  const direct_circuits& g = m.direct();
  std::string text = one_line(m.origin().source) + "\n";
  for (const std::string& line : m.origin().inferred) text += "  " + one_line(line) + "\n";
  text += fmt::format("{} neurons{}, {} sensory nodes, {} readout nodes, {} layers, dynamics {}\n",
                      count(m.neurons()), m.neuron_names().empty() ? "" : " with names",
                      m.sensory_nodes(), m.readout_nodes(), m.layers(), m.rules().name());
  text += edges_line("Gx", g.gx_excitatory, g.gx_inhibitory) +
          edges_line("Gy", g.gy_excitatory, g.gy_inhibitory);
  text += fmt::format("Gs: {} synapses a layer", count(m.synapses()));
  if (m.rotation().present())
    text += fmt::format(", {} of them partners added at rate 0", count(made.partners_added));
  text += fmt::format("\nsensory: {} edges, readout: {} edges\n", count(g.sensory.edges()),
                      count(g.readout.edges()));
  return text +
         fmt::format("model {}, synapses {}\n", shown_bytes(m.bytes()),
                     shown_bytes(m.synapse_bytes())) +
         not_used_line(m.origin().not_used);
}

}  // namespace bdh::app
