// bdh info: everything about a file of ours, and what is in a checkpoint.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/models/describe_model.hpp"
#include "apps/models/methods_text.hpp"
#include "io/checkpoint/configuration.hpp"
#include "io/checkpoint/layouts.hpp"
#include "io/files/json.hpp"
#include "io/files/mapped_file.hpp"
#include "io/files/sha256.hpp"
#include "io/model/file_kind.hpp"
#include "io/recording/reference_outputs.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::app {
namespace {

using json = nlohmann::ordered_json;

struct choice {
  bool rounds = false, check = false, methods = false;
};

// What there is to say, both ways.
struct description {
  std::string text;
  json all;
};

void line(description& d, const std::string& what, const std::string& value) {
  d.text += fmt::format("{:16}{}\n", one_line(what), one_line(value));
}

std::string plain(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : json_text(value);
}

description of_model(const std::string& file, const choice& chosen) {
  const model m = chosen.check ? check_model(file) : load_model(file);
  description d{model_text(m), model_json(m)};
  if (chosen.check) {
    d.all["checked"] = true;
    line(d, "checked", "every byte, index and weight, and both hashes");
  }
  if (chosen.methods) {
    d.text = methods_text(m, file);
    d.all["methods"] = d.text.substr(0, d.text.size() - 1);
  }
  if (chosen.rounds) {
    d.text = rounds_text(m);
    d.all["rounds"] = rounds_json(m);
    if (auto learning = learning_rounds_json(m); !learning.empty())
      d.all["learning_rounds"] = std::move(learning);
  }
  return d;
}

description of_state(const std::string& file) {
  const state_summary state = summarise_state(file);
  description d;
  d.all = {{"model_sha256", state.model_sha256},
           {"tokens", state.tokens},
           {"retention", state.retention},
           {"content_sha256", state.content_sha256},
           {"layers", json::array()}};
  line(d, "hash", state.content_sha256);
  line(d, "of model", state.model_sha256);
  line(d, "tokens read", shown_count(static_cast<double>(state.tokens)));
  line(d, "retention", fmt::format("{}", state.retention));
  for (std::size_t l = 0; l < state.layers.size(); ++l) {
    const auto& [clock, shape] = state.layers[l];
    d.all["layers"].push_back({{"clock", clock}, {"shape", shape}});
    line(d, fmt::format("layer {}", l + 1),
         fmt::format("synapses {}, {} decays", shape_text(shape), clock));
  }
  return d;
}

description of_run(const std::string& folder) {
  const run_reader run(folder);
  const summary_table summary = run.summary();
  const bool logits = std::any_of(run.recordings.begin(), run.recordings.end(),
                                  [](const listed_recording& r) { return r.file == "logits.h5"; });
  description d;
  d.all = json::parse(run.json);
  d.all["recorded_tokens"] = summary.rows;
  d.all["logits"] = logits;
  const auto sorted = nlohmann::json::parse(run.json);
  for (const auto& [key, value] : sorted.items()) {
    if (!value.is_object()) line(d, key, plain(value));
    if (value.is_object())
      for (const auto& [part, of_part] : value.items())
        line(d, key, fmt::format("{:20}{}", part, plain(of_part)));
  }
  line(d, "recorded",
       fmt::format("{} tokens{}", shown_count(static_cast<double>(summary.rows)),
                   logits ? ", logits" : ""));
  for (std::size_t c = 2; c < summary.names.size(); ++c) {  // behind position and token
    double sum = 0;
    std::size_t count = 0;
    for (const double value : summary.columns[c])
      if (!std::isnan(value)) sum += value, ++count;
    if (count == 0) continue;
    const double mean = sum / static_cast<double>(count);
    d.all["means"][summary.names[c]] = mean;
    line(d, "mean", fmt::format("{:20}{:.4g}", summary.names[c], mean));
  }
  return d;
}

description of_expected(const std::string& file) {
  const reference_outputs e = read_reference_outputs(file);
  description d;
  d.all = {{"tokens", e.tokens.size()},
           {"vocabulary", e.vocabulary},
           {"layers", e.layers},
           {"neurons", e.neurons},
           {"hubs", e.hubs},
           {"greedy", e.greedy.size()},
           {"x", !e.x.empty()},
           {"y", !e.y.empty()},
           {"v", !e.v.empty()},
           {"active_x", !e.active_x.empty()},
           {"active_y", !e.active_y.empty()}};
  const auto text = [](const auto& value) -> std::string {
    if (!value.is_boolean()) return json_text(value);
    return value.template get<bool>() ? "yes" : "no";
  };
  for (const auto& [key, value] : d.all.items()) line(d, key, text(value));
  return d;
}

description of_checkpoint(const std::string& file) {
  const mapped_file mapped(file);
  const auto tensors = read_tensor_file(mapped.bytes(), file);
  description d;
  d.all["sha256"] = sha256_of_file(file);
  line(d, "SHA-256", d.all["sha256"].get<std::string>());
  try {
    d.all["layout"] = recognise(*tensors).kind->name;
    line(d, "layout", d.all["layout"].get<std::string>());
  } catch (const error& e) {
    d.all["layout"] = nullptr;
    line(d, "layout", std::string("none that can be imported: ") + e.found());
  }
  d.all["tensors"] = json::array();
  for (const tensor& t : tensors->tensors()) {
    d.all["tensors"].push_back({{"name", t.name}, {"type", t.type}, {"shape", t.shape}});
    line(d, "tensor", fmt::format("{:24} {:14} {}", t.name, t.type, shape_text(t.shape)));
  }
  try {
    const configuration known = read_configuration(*tensors);
    for (const statement& s : known.statements)
      line(d, "states", fmt::format("{} = {} ({})", s.key, s.shown, s.where));
    for (const std::string& left : known.not_used) line(d, "not used", left);
  } catch (const error& e) {
    line(d, "states", e.found());
  }
  return d;
}

description describe(const std::string& file, file_kind kind, const choice& chosen) {
  if (chosen.rounds && kind != file_kind::model)
    throw input_error(file, name(kind), "a model: only models have rounds");
  if (chosen.methods && kind != file_kind::model)
    throw input_error(file, name(kind), "a model, for --methods");
  if (chosen.check && kind != file_kind::model)
    throw input_error(file, name(kind), "a model: other files are checked whenever they are read");
  switch (kind) {
    case file_kind::model:
      return of_model(file, chosen);
    case file_kind::state:
      return of_state(file);
    case file_kind::run:
      return of_run(file);
    case file_kind::expected:
      return of_expected(file);
    case file_kind::safetensors:
    case file_kind::pytorch:
      return of_checkpoint(file);
    default:
      break;
  }
  std::error_code failed;
  if (!std::filesystem::exists(file, failed))
    throw input_error(file, failed ? failed.message() : "no such file", "a file or a run's folder");
  throw input_error(file,
                    kind == file_kind::hdf5 ? "an HDF5 file of another kind" : "nothing known",
                    "a model, state, run, expected values, safetensors or PyTorch checkpoint");
}

class info_app final : public command {
 public:
  explicit info_app(command_line& program)
      : command(program, "info", "Show everything about a model, state, run or checkpoint.") {
    arguments_.add("FILE", file_, "a file, or the folder of a run").required().type_name("");
    arguments_.add_flag("--rounds", chosen_.rounds,
                        "the rounds of a token, in the paper's notation");
    arguments_
        .add_flag("--methods", chosen_.methods,
                  "a paragraph for the methods section of an article, written from the model")
        .excludes("--rounds");
    arguments_.add_flag("--check", chosen_.check,
                        "read a model through and compare it with its hashes");
    arguments_.add_flag("--json", json_, "one JSON object on standard output");
  }
  int run() override {
    const file_kind kind = identify(file_);
    description d = describe(file_, kind, chosen_);
    if (json_) {
      json all{{"file", file_}, {"kind", name(kind)}};
      all.update(d.all);
      print(json_text(all, 1) + "\n");
    } else {
      print(chosen_.rounds || chosen_.methods ? d.text
                                              : fmt::format("{} {}\n", name(kind), file_) + d.text);
    }
    return 0;
  }

 private:
  std::string file_;
  choice chosen_;
  bool json_ = false;
};

}  // namespace

std::unique_ptr<command> info_command(command_line& program) {
  return std::make_unique<info_app>(program);
}

}  // namespace bdh::app
