#include "apps/runs/run_options.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "core/base/instruction_set.hpp"
#include "io/files/json.hpp"
#include "kernels/cpu/cpu_kernels.hpp"

namespace bdh::app {
namespace {

std::string absolute(const std::string& file) {
  return std::filesystem::absolute(file).lexically_normal().string();
}

}  // namespace

sampling sampling_of(const run_options& o) {
  return {o.temperature.value_or(0), static_cast<std::uint32_t>(o.top_k), o.seed};
}

std::string recorded_options(const run_options& o, const simulator& brain) {
  const instruction_set set =
      kernels::cpu_kernels_for(instruction_set_named(o.engine.instructions)).set;
  nlohmann::json all{{"model", absolute(o.model)},
                     {"generate", o.generate},
                     {"temperature", o.temperature.value_or(0)},
                     {"top_k", o.top_k},
                     {"seed", o.seed},
                     {"retention", brain.retention()},
                     {"weights", o.engine.weights},
                     {"synapses", brain.rounds_synapses() ? "bf16" : "float32"},
                     {"prefill", o.prefill.by},
                     {"interventions", o.interventions},
                     {"checkpoint_every", o.checkpoint_every},
                     {"threads", o.engine.threads},
                     {"sites", o.engine.site_count()},
                     {"instructions", name(set)},
                     {"device", brain.device()}};
  if (const spiking* how = brain.spikes())
    all["spikes"] = spike_description(o.engine.spikes, *how, brain.model(), o.seed);
  if (const learning* how = brain.learns_by()) all["learning"] = learning_description(*how);
  // Bytes of a text need not be UTF-8, which JSON is.
  if (o.input.text) all["text"] = std::vector<unsigned>(o.input.text->begin(), o.input.text->end());
  if (o.input.text)
    for (auto& byte : all["text"]) byte = byte.get<unsigned>() & 0xff;
  if (o.input.tokens) all["tokens"] = *o.input.tokens;
  if (o.input.text_file) all["text_file"] = absolute(*o.input.text_file);
  if (o.input.tokens_file) all["tokens_file"] = absolute(*o.input.tokens_file);
  if (o.input.limit) all["limit"] = *o.input.limit;
  if (!o.protocol.empty()) all["protocol"] = absolute(o.protocol);
  if (!o.condition.empty()) all["condition"] = o.condition;
  if (!o.initial_synapses.empty()) all["initial_synapses"] = absolute(o.initial_synapses);
  if (o.trial) all["trial"] = *o.trial;
  if (!o.state.empty()) all["state"] = absolute(o.state);
  if (!o.save_state.empty()) all["save_state"] = absolute(o.save_state);
  if (!o.engine.learning.save_model.empty())
    all["save_model"] = absolute(o.engine.learning.save_model);
  if (!o.record.empty()) all["record"] = o.record;
  if (!o.record_file.empty()) all["record_file"] = absolute(o.record_file);
  return json_text(all);
}

run_options run_options_of(const std::map<std::string, std::string>& recorded,
                           const std::string& place) try {
  nlohmann::json all = nlohmann::json::object();
  for (const auto& [name, value] : recorded) all[name] = nlohmann::json::parse(value);
  const auto text = [&](const char* key) {
    return all.contains(key) ? std::optional(all.at(key).get<std::string>()) : std::nullopt;
  };
  const auto count = [&](const char* key, std::uint64_t most) {
    const nlohmann::json& value = all.at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
      throw input_error(place, std::string(key) + ": " + json_text(value),
                        "an integer from 0 to " + std::to_string(most));
    return value.get<std::uint64_t>();
  };
  const auto real = [&](const char* key, const range<double>& legal) {
    const double value = all.at(key).get<double>();
    if (!(value >= legal.least && value <= legal.most))
      throw input_error(place, std::string(key) + ": " + shown(value), legal.text);
    return value;
  };
  run_options o;
  o.model = all.at("model");
  o.generate = count("generate", any_count.most);
  o.temperature = real("temperature", {0, 1e6, "a number from 0 to 1e6"});
  o.top_k = count("top_k", 0xffffffff);
  o.seed = count("seed", any_count.most);
  o.engine.retention = real("retention", retention_range);
  o.engine.weights = all.value("weights", "float32");
  if (o.engine.weights != "float32" && o.engine.weights != "bf16")
    throw input_error(place, "weights: " + o.engine.weights, "float32 or bf16");
  o.engine.synapses = all.value("synapses", "float32");
  if (o.engine.synapses != "float32" && o.engine.synapses != "bf16")
    throw input_error(place, "synapses: " + *o.engine.synapses, "float32 or bf16");
  o.prefill.by = text("prefill").value_or("tokens");
  if (o.prefill.by != "tokens" && o.prefill.by != "blocks")
    throw input_error(place, "prefill: '" + o.prefill.by + "'", "tokens or blocks");
  o.interventions = all.at("interventions").get<std::vector<std::string>>();
  o.checkpoint_every = count("checkpoint_every", any_count.most);
  if (all.contains("text")) {
    o.input.text.emplace();
    for (const nlohmann::json& byte : all.at("text")) {
      if (!byte.is_number_unsigned() || byte.get<std::uint64_t>() > 255)
        throw input_error(place, "text: " + json_text(byte), "bytes, 0 to 255");
      *o.input.text += static_cast<char>(byte.get<unsigned>());
    }
  }
  if (all.contains("spikes")) o.engine.spikes.described = json_text(all.at("spikes"));
  if (all.contains("learning")) o.engine.learning = described_learning(all.at("learning"), place);
  o.input.tokens = text("tokens");
  o.input.text_file = text("text_file");
  o.input.tokens_file = text("tokens_file");
  if (all.contains("limit")) o.input.limit = count("limit", any_count.most);
  o.save_state = text("save_state").value_or("");
  o.engine.learning.save_model = text("save_model").value_or("");
  return o;
} catch (const nlohmann::json::exception&) {
  throw input_error(place, "options of another kind", "the description of a run that bdh run made");
}

}  // namespace bdh::app
