// bdh slice: some neurons of a model, or some of its heads, as a model of their own.
#include <fmt/format.h>

#include <utility>

#include <bdh/error.hpp>
#include <bdh/model.hpp>
#include <bdh/selection.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/models/write_model.hpp"
#include "core/model/merge_and_slice.hpp"
#include "io/files/error_context.hpp"

namespace bdh::app {
namespace {

struct slice_options {
  std::string model, target;
  std::optional<std::string> neurons, heads;
  bool each_head = false, force = false;
  double scale_e = 1;
};

// "0,2-3": heads from 0.
std::vector<bool> chosen_heads(const model& m, const std::string& text) {
  std::vector<bool> chosen(m.heads());
  const range<head_id> legal{0, m.heads() - 1, ""};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view item = std::string_view(text).substr(begin, end - begin);
    const std::size_t dash = item.find('-');
    const auto first = parse_number(item.substr(0, dash), legal);
    const auto last = dash == item.npos ? first : parse_number(item.substr(dash + 1), legal);
    if (!first || !last || *last < *first)
      throw input_error("--heads", "'" + std::string(item) + "'",
                        fmt::format("heads from 0 to {}, or a range of them", legal.most));
    std::fill(chosen.begin() + *first, chosen.begin() + *last + 1, true);
    begin = end + 1;
  }
  return chosen;
}

std::vector<neuron_id> neurons_of_heads(const model& m, const std::string& text) {
  const std::vector<bool> chosen = chosen_heads(m, text);
  std::vector<neuron_id> neurons;
  for (neuron_id i = 0; i < m.neurons(); ++i)
    if (chosen[i / m.neurons_per_head()]) neurons.push_back(i);
  return neurons;
}

std::vector<neuron_id> chosen_neurons(const model& m, const slice_options& o) {
  if (o.heads) return neurons_of_heads(m, *o.heads);
  const neuron_choice choice = select_neurons(m, *o.neurons);
  if (choice.top != 0)
    throw input_error("--neurons", "'" + *o.neurons + "'", "neurons by number or name",
                      "top: needs a moment of a run");
  if (!o.each_head) return choice.neurons;
  std::vector<neuron_id> neurons;
  if (choice.neurons.back() >= m.neurons_per_head())
    throw input_error(
        "--neurons", std::to_string(choice.neurons.back()),
        fmt::format("0 to {}, positions in a head, with --each-head", m.neurons_per_head() - 1));
  for (head_id h = 0; h < m.heads(); ++h)
    for (neuron_id k : choice.neurons) neurons.push_back(h * m.neurons_per_head() + k);
  return neurons;
}

class slice_app final : public command {
 public:
  explicit slice_app(command_line& program)
      : command(program, "slice", "Make a model of some neurons or some heads of a model.") {
    command_line& c = arguments_;
    slice_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    c.add("-o", o.target, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    c.add("--neurons", o.neurons,
          "keep these: 5, 7-9, NAME, random:K@SEED, separated by commas; those that turn together "
          "both")
        .type_name("SELECTION");
    c.add_flag("--each-head", o.each_head, "--neurons are positions in a head, kept in every head");
    c.add("--heads", o.heads, "keep these heads, from 0: 0,2-3").type_name("LIST");
    add_number<double>(c, "--scale-e", o.scale_e, scale_range,
                       "factor of E, the edges neuron -> hub [1]");
    c.add_flag("--force", o.force, "overwrite the model to write");
  }

  int run() override {
    const slice_options& o = options_;
    if (o.neurons.has_value() == o.heads.has_value())
      throw usage_error("--neurons and --heads", "exactly one of them");
    if (o.each_head && !o.neurons) throw usage_error("--each-head", "needs --neurons");
    return write_model({.file = o.target, .force = o.force}, [&] {
      const model m = open_model(o.model);
      stop_if_requested();
      sliced made = with_context(
          [&](const std::string& place) { return o.model + ": " + place; },
          [&] { return slice(m, chosen_neurons(m, o), static_cast<float>(o.scale_e)); });
      std::string lines = summary(m, made);
      return made_model{std::move(made.result), std::move(lines)};
    });
  }

 private:
  static std::string summary(const model& m, const sliced& made) {
    const model& s = made.result;
    std::string text = fmt::format("{} of {} neurons, {} of {} heads\n", s.neurons(), m.neurons(),
                                   s.heads(), m.heads());
    if (!made.partners.empty())
      text += fmt::format("{} of them because they turn together with one that was chosen\n",
                          made.partners.size());
    return text + fmt::format("model {}, synapses {}\n", shown_bytes(s.bytes()),
                              shown_bytes(s.synapse_bytes()));
  }

  slice_options options_;
};

}  // namespace

std::unique_ptr<command> slice_command(command_line& program) {
  return std::make_unique<slice_app>(program);
}

}  // namespace bdh::app
