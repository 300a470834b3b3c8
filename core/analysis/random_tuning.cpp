#include "core/analysis/random_tuning.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace bdh {
namespace {

// Neurons of a smaller graph that behaves alike, having the same degree; 0: none is much smaller.
neuron_id smaller(const random_model_recipe& r) {
  if (r.measured) return 0;
  const std::uint64_t degree = std::max(r.graph.degree, r.inhibitory_degree),
                      enough = std::max<std::uint64_t>(2000, 40 * degree);
  if (r.graph.family == graph_family::complete || enough > r.graph.neurons / 4) return 0;
  graph_recipe few = r.graph;
  few.neurons = static_cast<neuron_id>(enough);
  try {
    check(few);  // as many communities may not fit into fewer neurons
  } catch (const input_error&) {
    return 0;
  }
  return few.neurons;
}

std::string hint_of(const random_model_recipe& r) {
  std::string hint = "a higher target activity or g, fewer layers, more inhibitory neurons";
  if (!r.measured && r.inhibitory_degree != 0 && r.graph.family != graph_family::complete)
    hint += ", a higher inhibitory degree";
  return hint;
}

// How many inhibitory neurons a token drives: in proportion, four times as many, or so many that
// hardly a neuron is without inhibition (random_circuits::blanket).
enum class inhibitory_drive { alike, more, blanket };

class random_tuner {
 public:
  random_tuner(double g, const engine_factory& make_engine, const tuning_goal& goal,
               const tuning_work& work)
      : g_(g), make_engine_(make_engine), goal_(goal), work_(work) {}

  tuned_model tune_one(const random_model_recipe& r, inhibitory_drive drive) const {
    const random_circuits drawn(r);
    tunable_graph graph = open(drawn, drive);
    if (const neuron_id few = smaller(r); few != 0) {
      const circuit_gains known = gains_of_smaller(r, few, drive);
      const double scale = static_cast<double>(r.graph.neurons) / few;
      graph.start.gy = known.gy;
      graph.start.sensory_edges = static_cast<neuron_id>(std::lround(scale * known.sensory_edges));
    }
    return tune(graph, make_engine_, goal_, work_);
  }

 private:
  tunable_graph open(const random_circuits& drawn, inhibitory_drive drive) const {
    const random_model_recipe& r = drawn.recipe();
    tunable_graph graph;
    graph.place = family_name(r);
    graph.make = [&drawn](const circuit_gains& g, std::vector<provenance::entry> tuning) {
      return drawn.make(g, std::move(tuning));
    };
    graph.inhibitory = drawn.inhibitory_neurons();
    graph.excitatory = r.graph.neurons - graph.inhibitory;
    graph.sensory_open = true;
    if (drive == inhibitory_drive::blanket) graph.blanket = drawn.blanket();
    if (drive == inhibitory_drive::more) graph.inhibitory_drive = 4;
    graph.start.inhibition_x = graph.start.inhibition_y = g_;
    // Of a cascade in which layer 1 has half of the wanted share, all driven by excitation.
    const double degree = std::max<double>(1, r.graph.degree),
                 driven = 0.5 * goal_.active_share * r.graph.neurons / degree;
    graph.start.sensory_edges = static_cast<neuron_id>(std::max(1.0, std::round(driven)));
    graph.start.gy = 0.1;
    graph.hint = hint_of(r);
    return graph;
  }

  circuit_gains gains_of_smaller(random_model_recipe r, neuron_id neurons,
                                 inhibitory_drive drive) const {
    r.graph.neurons = neurons;
    const random_circuits drawn(r);
    try {
      return tune(open(drawn, drive), make_engine_, goal_, work_).gains;
    } catch (const tuning_error& e) {
      if (e.distance() > 1) throw;
      return e.nearest();  // the whole graph may do better
    }
  }

  double g_;
  const engine_factory& make_engine_;
  const tuning_goal& goal_;
  const tuning_work& work_;
};

// Out-degrees of inhibitory neurons to try, the sparsest first.
std::vector<neuron_id> inhibitory_degrees(const random_model_recipe& r) {
  if (r.inhibitory_degree != 0 || r.inhibitory == 0 || r.measured ||
      r.graph.family == graph_family::complete)
    return {r.inhibitory_degree};
  std::vector<neuron_id> all{r.graph.degree};
  for (neuron_id times = 2; times <= tuning_bounds::denser; times *= 2) {
    const std::uint64_t degree = std::uint64_t{times} * r.graph.degree;
    if (degree > r.graph.neurons / 2) break;
    graph_recipe denser = r.graph;
    denser.degree = static_cast<neuron_id>(degree);
    try {
      check(denser);
    } catch (const input_error&) {
      break;
    }
    all.push_back(denser.degree);
  }
  return all;
}

// The first of all ways to tune with one of these inhibitory degrees. Throws the tuning_error of
// what came nearest, whose degree is then the only one of `degrees`.
tuned_random_model first_found(const random_tuner& tuner, random_model_recipe r,
                               std::vector<neuron_id>& degrees) {
  std::optional<tuning_error> nearest;
  neuron_id of_nearest = degrees.front();
  for (const auto drive :
       {inhibitory_drive::alike, inhibitory_drive::more, inhibitory_drive::blanket})
    for (const neuron_id degree : degrees) {
      if (drive != inhibitory_drive::alike && r.inhibitory == 0) break;
      r.inhibitory_degree = degree;
      try {
        tuned_model tuned = tuner.tune_one(r, drive);
        const auto inhibitory = random_circuits(r).inhibitory_neurons();
        return {r, std::move(tuned), inhibitory};
      } catch (const tuning_error& e) {
        if (nearest && e.distance() >= nearest->distance()) continue;
        nearest.emplace(e);
        of_nearest = degree;
      }
    }
  degrees = {of_nearest};
  throw *nearest;
}

}  // namespace

tuned_random_model tune_random(const random_model_recipe& recipe, double g,
                               const engine_factory& make_engine, const tuning_goal& goal,
                               const tuning_work& work) {
  if (!(g >= tuning_bounds::least_g && g <= tuning_bounds::most_g))
    throw input_error("g", shown(g),
                      shown(tuning_bounds::least_g) + " to " + shown(tuning_bounds::most_g));
  std::vector<neuron_id> degrees = inhibitory_degrees(recipe);
  try {
    return first_found({g, make_engine, goal, work}, recipe, degrees);
  } catch (const tuning_error& why) {
    const auto target = target_within_reach(why, [&](double share) {
      tuning_goal other = goal;
      other.active_share = share;
      first_found({g, make_engine, other, work}, recipe, degrees);
    });
    if (!target) throw;
    throw why.advising("gains were found with --target-activity " + shown(*target) + "; else " +
                       why.hint());
  }
}

}  // namespace bdh
