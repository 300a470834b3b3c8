#include "io/recording/spike_scales_file.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>

#include "core/base/version.hpp"
#include "core/simulation/spiking.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/files/whole_file.hpp"

namespace bdh {
namespace {

constexpr std::uintmax_t largest_file = std::uintmax_t{1} << 20;
constexpr const char* expected_file = "scales of spikes, as bdh spike-scales writes them";

std::string hash_of(const model& m) {
  return m.content_sha256().empty() ? content_hash(m) : m.content_sha256();
}

std::optional<spike_source> source_named(const std::string& word) {
  for (std::size_t k = 0; k < spike_sources; ++k)
    if (name(static_cast<spike_source>(k)) == word) return static_cast<spike_source>(k);
  return std::nullopt;
}

// The number whose shortest digits are those that mean this float.
double shortest(float value) {
  char digits[32];
  const char* const end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  double number = 0;
  std::from_chars(digits, end, number);
  return number;
}

}  // namespace

nlohmann::ordered_json as_json(const spike_scales& scales) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const auto& [s, layers] : scales) {
    auto& list = all[std::string(name(s))] = nlohmann::ordered_json::array();
    for (const float scale : layers) list.push_back(shortest(scale));
  }
  return all;
}

spike_scales spike_scales_of(const nlohmann::json& scales, const model& m,
                             const std::string& place) {
  if (!scales.is_object())
    throw input_error(place, json_text(scales), "an object of scales by population");
  spike_scales all;
  for (const auto& [word, layers] : scales.items()) {
    const auto s = source_named(word);
    if (!s) throw input_error(place, "'" + word + "'", "x, y, w, a, w_sensory or a_sensory");
    if (!layers.is_array() || layers.size() != m.layers())
      throw input_error(place + ", " + word, json_text(layers),
                        std::to_string(m.layers()) + " numbers, one for each layer");
    for (const nlohmann::json& value : layers) {
      const auto scale = value.is_number() ? static_cast<float>(value.get<double>()) : 0.0f;
      const auto layer = static_cast<layer_id>(all[*s].size() + 1);
      const bool silent = value.is_number() && scale == 0 &&
                          (!can_emit(m, *s, layer) || *s == spike_source::a_sensory);
      if (!silent && !(scale > 0 && std::isfinite(scale)))
        throw input_error(place + ", " + word,
                          json_text(value) + " in layer " + std::to_string(layer),
                          "a finite number above 0");
      all[*s].push_back(scale);
    }
  }
  return all;
}

void write_spike_scales(const std::filesystem::path& file, const spike_scales_file& what) {
  const spike_percentiles& p = what.percentiles;
  nlohmann::ordered_json all{
      {"format", "bdh-spike-scales"},
      {"format_version", 1},
      {"creator", creator()},
      {"model", {{"content_sha256", what.model_sha256}, {"source", what.model_source}}},
      {"text", {{"sha256", what.text_sha256}, {"tokens", what.tokens}, {"window", what.window}}},
      {"percentile",
       {{"common", p.common},
        {"w", p.w},
        {"a", p.a},
        {"w_sensory", p.w_sensory},
        {"a_sensory", p.a_sensory}}},
      {"scales", as_json(what.scales)}};
  write_text(file, json_text(all, 1) + "\n");
}

spike_scales_file read_spike_scales(const std::filesystem::path& file, const model& m) {
  const std::string place = file.string();
  const std::string text = read_whole_file(file, largest_file, expected_file);
  nlohmann::json all;
  try {
    all = parse_json(text, {.depth = 4, .unique_keys = true});
  } catch (const json_error& e) {
    throw input_error(place, e.what(), expected_file);
  }
  try {
    if (!all.is_object() || all.at("format") != "bdh-spike-scales")
      throw input_error(place, "another kind of file", expected_file);
    if (all.at("format_version") != 1)
      throw input_error(place, "format version " + json_text(all.at("format_version")), "1");
    spike_scales_file read;
    read.model_sha256 = all.at("model").at("content_sha256");
    if (read.model_sha256 != hash_of(m))
      throw input_error(place, "scales of model " + read.model_sha256.substr(0, 12),
                        "those of model " + hash_of(m).substr(0, 12),
                        "bdh spike-scales measures them");
    read.model_source = all.at("model").at("source");
    read.text_sha256 = all.at("text").at("sha256");
    read.tokens = all.at("text").at("tokens");
    read.window = all.at("text").at("window");
    read.scales = spike_scales_of(all.at("scales"), m, place);
    return read;
  } catch (const nlohmann::json::exception&) {
    throw input_error(place, "a part is missing or of another kind", expected_file);
  }
}

}  // namespace bdh
