// bdh merge: two models become one, by concatenation along their neurons.
#include <fmt/format.h>

#include <utility>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/models/write_model.hpp"
#include "core/model/merge_and_slice.hpp"
#include "io/files/error_context.hpp"

namespace bdh::app {
namespace {

struct merge_options {
  std::string first, second, model;
  double scale_e = 1;
  bool force = false;
};

class merge_app final : public command {
 public:
  explicit merge_app(command_line& program)
      : command(program, "merge", "Join two models along their neurons, head by head.") {
    command_line& c = arguments_;
    merge_options& o = options_;
    c.add("A", o.first, "a model, NAME.bdh.h5").required().type_name("");
    c.add("B", o.second, "another one, with the same hubs, heads, layers, tokens and dynamics")
        .required()
        .type_name("");
    c.add("-o", o.model, "the model to write, NAME.bdh.h5").required().type_name("MODEL");
    add_number<double>(c, "--scale-e", o.scale_e, scale_range,
                       "factor of E, the edges neuron -> hub, of both [1]");
    c.add_flag("--force", o.force, "overwrite MODEL");
  }

  int run() override {
    const merge_options& o = options_;
    return write_model({.file = o.model, .force = o.force}, [&] {
      const model a = open_model(o.first), b = open_model(o.second);
      stop_if_requested();
      merged made = with_context(
          [&](const std::string& place) {
            return fmt::format("{}, {}: {}", o.first, o.second, place);
          },
          [&] { return merge(a, b, static_cast<float>(o.scale_e)); });
      std::string lines = summary(a, b, made);
      return made_model{std::move(made.result), std::move(lines)};
    });
  }

 private:
  std::string summary(const model& a, const model& b, const merged& made) const {
    const model& c = made.result;
    std::string text = fmt::format("{} neurons in {} head{}, {} layers\n", c.neurons(), c.heads(),
                                   c.heads() == 1 ? "" : "s", c.layers());
    text +=
        fmt::format("of each head, the first {} neurons are those of {}, the next {} those of {}\n",
                    a.neurons_per_head(), one_line(options_.first), b.neurons_per_head(),
                    one_line(options_.second));
    if (made.prefixed_names) text += "names: 1/NAME and 2/NAME\n";
    return text + fmt::format("model {}, synapses {}\n", shown_bytes(c.bytes()),
                              shown_bytes(c.synapse_bytes()));
  }

  merge_options options_;
};

}  // namespace

std::unique_ptr<command> merge_command(command_line& program) {
  return std::make_unique<merge_app>(program);
}

}  // namespace bdh::app
