#include "core/analysis/model_tuning.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/base/rounded.hpp"
#include "core/base/version.hpp"
#include "core/model/random_sensory.hpp"

namespace bdh {
namespace {

constexpr double usual_g = 5;

double mean_weight(const projection& p) {
  double sum = 0;
  for (edge_id e = 0; e < p.edges(); ++e) sum += static_cast<double>(p.weight(e));
  return p.edges() == 0 ? 0 : sum / static_cast<double>(p.edges());
}

struct mean_weights {
  double gx_excitatory, gx_inhibitory, gy_excitatory, gy_inhibitory;
};

void expect_tunable(const model& m, const std::string& place) {
  const char* const expected = "a model of graph files, or of bdh new";
  if (!m.is_direct()) throw unavailable_error(place, "circuits through hubs", expected);
  if (m.hubs() != 0 || m.sensory_are_sources())
    throw unavailable_error(place, "a trained model, whose gains come from its pool", expected);
}

array<float> copy_of(const array<float>& a) {
  array<float> copy(a.size());
  std::copy(a.begin(), a.end(), copy.begin());
  return copy;
}

projection times(const projection& p, double mean, double factor) {
  return p.scaled(static_cast<float>(mean > 0 ? factor / mean : 1));
}

class open_gains {
 public:
  open_gains(const model& m, const model_tuning& how)
      : from_(m),
        how_(how),
        mean_{mean_weight(m.direct().gx_excitatory), mean_weight(m.direct().gx_inhibitory),
              mean_weight(m.direct().gy_excitatory), mean_weight(m.direct().gy_inhibitory)} {
    for (const auto& [name, mean] :
         {std::pair{"gx", mean_.gx_excitatory}, {"gy", mean_.gy_excitatory}})
      if (!(mean > 0))
        throw input_error(how.place, std::string("no excitatory weights in ") + name,
                          "edges that excite", "nothing would ever be active");
  }

  bool inhibits() const { return mean_.gx_inhibitory > 0 || mean_.gy_inhibitory > 0; }

  // Edges of weight 0, or none, stay as they are.
  model make(const circuit_gains& g, std::vector<provenance::entry> tuning) const {
    model_spec p = from_.spec_without_circuits();
    const direct_circuits& c = from_.direct();
    direct_circuits to;
    to.gx_excitatory = times(c.gx_excitatory, mean_.gx_excitatory, g.gx);
    to.gx_inhibitory = times(c.gx_inhibitory, mean_.gx_inhibitory, g.gx * g.inhibition_x);
    to.gy_excitatory = times(c.gy_excitatory, mean_.gy_excitatory, g.gy);
    to.gy_inhibitory = times(c.gy_inhibitory, mean_.gy_inhibitory, g.gy * g.inhibition_y);
    to.gs = c.gs.copy();
    to.retention = copy_of(c.retention);
    to.readout = c.readout.copy();
    to.sensory = how_.new_sensory ? random_sensory(g.sensory_edges, *how_.new_sensory,
                                                   from_.sensory_nodes(), from_.neurons())
                                  : c.sensory.copy();
    p.direct = std::move(to);
    p.origin.tuning = std::move(tuning);
    p.origin.creator = creator();
    if (how_.new_sensory) replace_sensory(p.origin, g.sensory_edges);
    p.content_sha256.clear();
    return model(std::move(p));
  }

 private:
  // What was said about the former ones holds no longer.
  void replace_sensory(provenance& origin, neuron_id each) const {
    const std::string text =
        "random:" + std::to_string(each) + "@" + std::to_string(*how_.new_sensory);
    origin.tuning.push_back({"sensory", text});
    for (std::string& line : origin.inferred)
      if (line.starts_with("sensory: ")) line = "sensory: " + text;
  }

  const model& from_;
  const model_tuning& how_;
  mean_weights mean_;
};

tuned_model tune_once(const model& m, const model_tuning& how, const engine_factory& make_engine,
                      const tuning_goal& goal, const tuning_work& work) {
  const open_gains gains(m, how);
  tunable_graph graph;
  graph.place = how.place;
  graph.make = [&gains](const circuit_gains& g, std::vector<provenance::entry> tuning) {
    return gains.make(g, std::move(tuning));
  };
  graph.excitatory = m.neurons();
  graph.sensory_open = how.new_sensory.has_value();
  graph.start.inhibition_x = graph.start.inhibition_y = how.g.value_or(usual_g);
  graph.start.gy = 0.1;
  const bool open = !graph.sensory_open && !how.g && gains.inhibits();
  graph.least_g = open ? tuning_bounds::least_g : graph.start.inhibition_x;
  graph.most_g = open ? tuning_bounds::most_g : graph.start.inhibition_x;
  graph.hint = "a higher target activity" + std::string(graph.sensory_open ? " or g" : "") +
               ", fewer layers";
  if (!graph.sensory_open) graph.hint += ", tokens that drive fewer neurons";
  return tune(graph, make_engine, goal, work);
}

using tuning_attempt = std::function<void(const model_tuning&, const tuning_goal&)>;

// Other choices for which gains were found, the nearest to the goal first.
std::string found_instead(const tuning_error& why, const model_tuning& how, const tuning_goal& goal,
                          const tuning_attempt& attempt) {
  std::vector<std::pair<double, std::string>> found;  // how far, and the options
  const auto add = [&](const tuning_error& e, const model_tuning& with, const char* option) {
    const auto target = target_within_reach(e, [&](double share) {
      tuning_goal other = goal;
      other.active_share = share;
      attempt(with, other);
    });
    if (target)
      found.push_back({std::abs(rounded::log(*target / goal.active_share)),
                       option + ("--target-activity " + shown(*target))});
  };
  if (!how.new_sensory && how.other_sensory) {
    model_tuning random = how;
    random.new_sensory = how.other_sensory;
    try {
      attempt(random, goal);
      return "--sensory random";
    } catch (const tuning_error& e) {
      add(e, random, "--sensory random ");
    }
  }
  add(why, how, "");
  std::ranges::sort(found);
  std::string options;
  for (const auto& [distance, text] : found)
    options += (options.empty() ? "" : ", and with ") + text;
  return options;
}

}  // namespace

tuned_model tune_model(const model& m, const model_tuning& how, const engine_factory& make_engine,
                       const tuning_goal& goal, const tuning_work& work) {
  expect_tunable(m, how.place);
  const auto attempt = [&](const model_tuning& with, const tuning_goal& to) {
    return tune_once(m, with, make_engine, to, work);
  };
  try {
    return attempt(how, goal);
  } catch (const tuning_error& why) {
    const std::string found = found_instead(why, how, goal, attempt);
    throw why.advising(found.empty() ? why.hint()
                                     : "gains were found with " + found + "; else " + why.hint());
  }
}

}  // namespace bdh
