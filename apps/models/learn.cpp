// bdh learn: a model reads a text, learns from it, and is written with the weights that it has
// then.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/common/console.hpp"
#include "apps/common/learning.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

struct learn_options {
  std::string model, to;
  token_choice input;
  engine_choice engine;
  std::optional<std::string> held_out;
  std::uint64_t passes = 1;
  bool compare = false, force = false, json = false;
};

struct loss_sum {
  double nats = 0;
  std::uint64_t predictions = 0;
  void add(const std::optional<double>& surprisal) {
    if (!surprisal) return;
    nats += *surprisal;
    ++predictions;
  }
  double mean() const { return predictions == 0 ? 0 : nats / static_cast<double>(predictions); }
};

constexpr std::size_t quarters = 4;
struct measured {
  std::vector<loss_sum> learning, frozen;  // of the quarters of the first pass
  std::optional<double> before, after;     // of the text held out, by weights that stay
};

std::vector<token_id> all_tokens(token_source& input) {
  std::vector<token_id> all;
  for (auto token = input.next(); token; token = input.next()) all.push_back(*token);
  stop_if_requested();
  if (all.size() < 2)
    throw input_error("input", fmt::format("{} tokens and no prediction", all.size()),
                      "at least two tokens");
  return all;
}

double held_out_loss(const learn_options& o, const model& m) {
  token_choice text;
  text.text_file = o.held_out;
  const auto input = text.open(m);
  simulator brain = o.engine.make(m);
  loss_sum all;
  for (auto token = input->next(); token; token = input->next()) {
    stop_if_requested();
    all.add(brain.step(*token).surprisal);
  }
  if (all.predictions == 0)
    throw input_error("--evaluate", "a text without a prediction", "at least two tokens");
  return all.mean();
}

// Every pass begins with empty synapses; weights go on.
measured read_text(const learn_options& o, simulator& brain, simulator* frozen,
                   const std::vector<token_id>& tokens) {
  measured found{std::vector<loss_sum>(quarters), std::vector<loss_sum>(quarters), {}, {}};
  progress_meter progress(true, tokens.size() * o.passes);
  for (std::uint64_t pass = 0; pass < o.passes; ++pass) {
    if (pass != 0) brain.clear_synapses();
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      stop_if_requested();
      brain.learn(tokens[t]);
      const auto surprisal = brain.step(tokens[t]).surprisal;
      const std::size_t quarter = t * quarters / tokens.size();
      if (pass == 0) found.learning[quarter].add(surprisal);
      if (pass == 0 && frozen) found.frozen[quarter].add(frozen->step(tokens[t]).surprisal);
      progress.at(pass * tokens.size() + t + 1);
    }
  }
  progress.clear();
  return found;
}

loss_sum whole(const std::vector<loss_sum>& parts) {
  loss_sum all;
  for (const loss_sum& part : parts) {
    all.nats += part.nats;
    all.predictions += part.predictions;
  }
  return all;
}

std::string loss_line(const char* what, const std::vector<loss_sum>& parts) {
  std::string text =
      fmt::format("{:9}{:.4f} nats per token; by quarter", what, whole(parts).mean());
  for (const loss_sum& part : parts)
    text += part.predictions == 0 ? std::string(" -") : fmt::format(" {:.4f}", part.mean());
  return text + "\n";
}

nlohmann::ordered_json loss_json(const std::vector<loss_sum>& parts) {
  nlohmann::ordered_json all{{"nats_per_token", whole(parts).mean()}};
  for (const loss_sum& part : parts)
    all["quarters"].push_back(part.predictions == 0 ? nlohmann::ordered_json(nullptr)
                                                    : nlohmann::ordered_json(part.mean()));
  return all;
}

void print_result(const learn_options& o, const measured& found, const simulator& brain,
                  const std::string& hash) {
  if (o.json) {
    nlohmann::ordered_json all{{"file", o.to},
                               {"content_sha256", hash},
                               {"parent", brain.model().content_sha256()},
                               {"learning", learning_description(*brain.learns_by())},
                               {"tokens_learned", brain.tokens_learned()},
                               {"passes", o.passes},
                               {"retention", brain.retention()},
                               {"learned", loss_json(found.learning)}};
    if (o.compare) all["frozen"] = loss_json(found.frozen);
    if (found.before) all["held_out"] = {{"before", *found.before}, {"after", *found.after}};
    return print(json_text(all, 1) + "\n");
  }
  std::string text = loss_line("learning", found.learning);
  if (o.compare) text += loss_line("frozen", found.frozen);
  if (found.before)
    text += fmt::format("held out {:.4f} nats per token before, {:.4f} after: {:+.4f}\n",
                        *found.before, *found.after, *found.after - *found.before);
  print(text + fmt::format("wrote {} ({:.12})\n", o.to, hash));
}

int learn(const learn_options& o) {
  o.input.check(true);
  o.engine.learning.check(o.engine);
  { const atomic_file target(o.to, o.force); }  // refuses before the work, not after it
  const model m = o.engine.open(o.model);
  stop_on_signals();
  try {
    const auto input = o.input.open(m);
    const std::vector<token_id> tokens = all_tokens(*input);
    simulator brain = o.engine.make(m);
    brain.learn_by(o.engine.learning.how());
    std::unique_ptr<simulator> frozen;
    if (o.compare) frozen.reset(new simulator(o.engine.make(m)));
    std::optional<double> before;
    if (o.held_out) before = held_out_loss(o, m);
    measured found = read_text(o, brain, frozen.get(), tokens);
    found.before = before;
    if (o.held_out) found.after = held_out_loss(o, brain.learned_model());
    learned_text read;
    for (std::uint64_t pass = 0; pass < o.passes; ++pass)
      for (const token_id t : tokens) read.add(m, t);
    print_result(o, found, brain, read.save_model(brain, o.to, o.force));
    return 0;
  } catch (const stopped&) {
    note("bdh: stopped by a signal, nothing was written");
    return 128 + stop_requested();
  }
}

class learn_app final : public command {
 public:
  explicit learn_app(command_line& program)
      : command(program, "learn",
                "Let a model learn from a text while it reads, and write what it becomes.") {
    command_line& c = arguments_;
    learn_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    o.input.add_to(c, true);
    o.engine.learning.add_to(c, "--rate");
    c.add("-o", o.to, "the model to write, NAME.bdh.h5").required().type_name("NEW");
    add_number<std::uint64_t>(c, "--passes", o.passes, {1, 1 << 20, "1 to 1048576"},
                              "how often the text is read, each time from empty synapses [1]");
    c.add("--evaluate", o.held_out,
          "a text held out: its loss before and after, by weights that stay; of the old kind, it "
          "shows what was forgotten")
        .type_name("FILE");
    c.add_flag("--compare", o.compare,
               "read the text with weights that stay as well, and show the loss of both");
    o.engine.add_to(c, true);
    c.add_flag("--force", o.force, "overwrite the file of -o");
    c.add_flag("--json", o.json, "one JSON object on standard output");
  }
  int run() override {
    if (!options_.engine.learning.given())
      throw usage_error("--rate", "is required, a number >= 0");
    return learn(options_);
  }

 private:
  learn_options options_;
};

}  // namespace

std::unique_ptr<command> learn_command(command_line& program) {
  return std::make_unique<learn_app>(program);
}

}  // namespace bdh::app
