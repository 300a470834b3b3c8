#include "apps/runs/run_names.hpp"

#include <bdh/error.hpp>
#include <bdh/selection.hpp>

#include "apps/common/options.hpp"
#include "core/selection/quoting.hpp"

namespace bdh::app {
namespace {

constexpr const char *arrow = "->", *token_prefix = "token:", *hub_prefix = "hub:";

std::string after(const std::string& text, const char* prefix) {
  return text.starts_with(prefix) ? text.substr(std::char_traits<char>::length(prefix))
                                  : std::string();
}

neuron_id below(const std::string& number, neuron_id end, const char* place,
                const std::string& text, const std::string& hint = {}) {
  const auto value =
      parse_number<neuron_id>(number, {0, std::numeric_limits<neuron_id>::max(), ""});
  const bool is_number =
      value || (!number.empty() && number.find_first_not_of("0123456789") == number.npos);
  if (end == 0) throw input_error(place, "'" + text + "'", "none: this model has none");
  if (!value || *value >= end)
    throw input_error(place, "'" + text + "'", "0 to " + std::to_string(end - 1),
                      is_number ? "" : hint);
  return *value;
}

}  // namespace

model model_of(const run_reader& run) {
  found_model found = find_model(run);
  if (!found.subject)
    throw input_error(run.folder.string(), "a run whose model cannot be read: " + found.missing,
                      "the model, where it was");
  return std::move(*found.subject);
}

neuron_id run_names::neuron(const std::string& text) const {
  if (subject() != nullptr) return select_neuron(*subject(), text);
  return below(text.starts_with('#') ? text.substr(1) : text, run_.neurons, "neuron", text,
               "names need the model: " + missing());
}

neuron_id run_names::source(const std::string& text) const {
  if (subject() != nullptr) return select_source(*subject(), text);
  if (!text.starts_with(token_prefix)) return neuron(text);
  return run_.neurons + below(after(text, token_prefix),
                              std::numeric_limits<neuron_id>::max() - run_.neurons, "token", text);
}

synapse_name run_names::synapse(const std::string& text) const {
  const std::size_t at = find_unquoted(text, arrow);
  if (at == text.npos)
    throw input_error("synapse", "'" + text + "'", "SOURCE->TARGET, for example 3->7");
  const std::string pre = text.substr(0, at), post = text.substr(at + 2);
  if (post.starts_with(hub_prefix))
    return {neuron(pre), below(after(post, hub_prefix), run_.hubs, "hub", post), true};
  return {neuron(pre), source(post), false};
}

std::string run_names::shown(neuron_id neuron) const {
  return subject() != nullptr && neuron < run_.neurons ? shown_neuron(*subject(), neuron)
                                                       : std::to_string(neuron);
}

std::string run_names::shown(const synapse_name& s) const {
  const std::string pre = shown(s.pre) + arrow;
  if (s.to_hub) return pre + hub_prefix + std::to_string(s.post);
  return pre + (s.post < run_.neurons ? shown(s.post)
                                      : token_prefix + std::to_string(s.post - run_.neurons));
}

std::string run_names::shown_turning(const synapse_name& s) const {
  const neuron_id even = s.pre & ~neuron_id{1};
  return shown(even) + "+" + shown({even | 1, s.post, s.to_hub});
}

std::vector<time_series> course_of(const run_reader& run, const run_names& names,
                                   const synapse_name& s, const synapse_course& what) {
  const model* const m = names.subject();
  if (!what.amplitude) return synapse_series(run, s, m, what.layer, what.by_y);
  if (m == nullptr)
    throw input_error(run.folder.string(), "amplitudes of synapses",
                      "the model, which knows what turns together: " + names.missing());
  return amplitude_series(run, s, *m, what.layer, what.by_y);
}

}  // namespace bdh::app
