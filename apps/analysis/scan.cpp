// bdh scan: what single lesions do to the predictions of a model, each in a stream of its own.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>

#include <bdh/error.hpp>
#include <bdh/model_file.hpp>
#include <bdh/selection.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/progress_meter.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "core/analysis/intervention_scan.hpp"
#include "core/base/version.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/csv.hpp"
#include "io/files/csv_table.hpp"
#include "io/files/json.hpp"
#include "io/files/sha256.hpp"
#include "io/files/whole_file.hpp"

namespace bdh::app {
namespace {

constexpr const char* header =
    "number,intervention,status,loss,loss_change,top1,top1_change,divergence,active_x,active_y,"
    "mean_x,mean_y,correlation\n";

struct scan_options {
  std::string model, what, as = "lesion", folder;
  token_choice input;
  engine_choice engine;
  std::uint64_t streams = 16, top = 10;
  bool json = false;
};

// Each of what was chosen, as an intervention of its own.
std::vector<std::string> texts_of(const scan_options& o, const model& m) {
  std::vector<std::string> texts;
  const auto number = [&](neuron_id i) {
    return (m.neuron_names().empty() ? "" : "#") + std::to_string(i);
  };
  const auto add_pairs = [&](const char* on, const std::vector<neuron_pair>& pairs) {
    for (const neuron_pair& p : pairs) {
      const auto end = [&](neuron_id i) {
        return i < m.neurons() ? number(i) : shown_source(m, i);
      };
      texts.push_back(fmt::format("lesion {}:{}->{}", on, end(p.pre), end(p.post)));
    }
  };
  const std::string_view what = o.what;
  for (const char* circuit : {"gx", "gy"})
    if (what.starts_with(std::string(circuit) + ":"))
      add_pairs(circuit, select_edges(m, what.substr(3)));
  if (what.starts_with("synapses:")) {
    const synapse_choice chosen = select_synapses(m, what.substr(9));
    if (chosen.top != 0) throw input_error("WHAT", o.what, "synapses that are named or drawn");
    add_pairs("synapses", chosen.pairs);
  }
  if (!texts.empty()) {
    if (o.as != "lesion") throw usage_error("--as " + o.as, "is for neurons; edges are cut");
    return texts;
  }
  const neuron_choice chosen = select_neurons(m, what);
  if (chosen.top != 0) throw input_error("WHAT", o.what, "neurons that are named or drawn");
  for (const neuron_id i : chosen.neurons)
    texts.push_back((o.as == "lesion" ? "lesion " : "silence " + o.as.substr(8) + ":") + number(i));
  return texts;
}

std::vector<token_id> all_tokens(const scan_options& o, const model& m) {
  std::vector<token_id> tokens;
  const auto input = o.input.open(m);
  while (const auto token = input->next()) tokens.push_back(*token);
  return tokens;
}

// All on which the numbers depend: a scan goes on only as what it was.
nlohmann::ordered_json question(const scan_options& o, const model& m,
                                const std::vector<token_id>& tokens,
                                const std::vector<std::string>& texts) {
  sha256 of_tokens, of_texts;
  of_tokens.update(std::as_bytes(std::span(tokens)));
  for (const std::string& t : texts) of_texts.update(std::as_bytes(std::span(std::string_view(t))));
  return {{"format", "bdh-scan"},
          {"format_version", 1},
          {"model_sha256", content_hash(m)},
          {"tokens", tokens.size()},
          {"tokens_sha256", of_tokens.hex()},
          {"what", o.what},
          {"as", o.as},
          {"interventions", texts.size()},
          {"interventions_sha256", of_texts.hex()},
          {"retention", o.engine.retention.value_or(m.retention())},
          {"weights", o.engine.weights},
          {"synapses", o.engine.synapses.value_or("float32")}};
}

// The folder of a scan: its description, and what is known so far.
class scan_folder {
 public:
  scan_folder(const std::filesystem::path& folder, const nlohmann::ordered_json& described)
      : folder_(folder) {
    const std::filesystem::path about = folder / "scan.json";
    if (std::error_code ignored; !std::filesystem::exists(about, ignored)) {
      claim_folder(folder);
      write_text(about, json_text(described, 1) + "\n");
      file_ = std::make_unique<csv_file>(results());
      file_->write(header);
      file_->sync();
      return;
    }
    const std::string found = read_whole_file(about, 1 << 20, "the description of a scan");
    if (found != json_text(described, 1) + "\n")
      throw input_error(about.string(), "another scan: other neurons, tokens, model or options",
                        "the same scan, which goes on, or a new folder");
    const csv_table known = read_csv_table(results());
    done_ = known.rows.size();
    file_ = std::make_unique<csv_file>(results(), done_);
  }
  std::size_t done() const noexcept { return done_; }
  std::filesystem::path results() const { return folder_ / "effects.csv"; }
  void add(const std::string& lines) {
    file_->write(lines);
    file_->sync();
  }
  void close() { file_->close(); }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<csv_file> file_;
  std::size_t done_ = 0;
};

std::string finite_text(double v) { return std::isfinite(v) ? shown(v) : ""; }

std::string line_of(std::size_t number, const std::string& text, const intervention& p,
                    const std::optional<scan_effect>& effect, const intervention_scan& scan) {
  std::string line = fmt::format("{},{},", number, csv_quoted_if_needed(text));
  if (effect)
    line += fmt::format("ok,{},{},{},{},{}", shown(effect->loss),
                        shown(effect->loss - scan.intact().loss), shown(effect->top1),
                        shown(effect->top1 - scan.intact().top1), shown(effect->divergence));
  else
    line += "not finite,,,,,";
  if (p.neurons.size() != 1) return line + ",,,,,\n";
  const neuron_activity_summary& n = scan.neurons()[p.neurons.front()];
  return line + fmt::format(",{},{},{},{},{}\n", shown(n.active_x), shown(n.active_y),
                            shown(n.mean_x), shown(n.mean_y), finite_text(n.correlation));
}

// Prints those that raise the loss most, from the file: also what an earlier part has found.
void print_result(const scan_options& o, const intervention_scan& scan, std::size_t all) {
  csv_table table = read_csv_table(std::filesystem::path(o.folder) / "effects.csv");
  const auto number = [](const std::string& text) {
    return text.empty() ? -std::numeric_limits<double>::infinity() : std::stod(text);
  };
  std::ranges::stable_sort(table.rows, std::greater<>(),
                           [&](const csv_table::row& r) { return number(r.fields[4]); });
  table.rows.resize(std::min<std::size_t>(table.rows.size(), o.top));
  if (o.json) {
    nlohmann::ordered_json j{{"interventions", all},
                             {"loss", scan.intact().loss},
                             {"top1", scan.intact().top1},
                             {"folder", o.folder},
                             {"largest", nlohmann::json::array()}};
    for (const csv_table::row& r : table.rows) {
      nlohmann::ordered_json one{{"intervention", r.fields[1]}, {"status", r.fields[2]}};
      for (std::size_t k = 3; k < table.columns.size(); ++k)
        if (!r.fields[k].empty()) one[table.columns[k]] = std::stod(r.fields[k]);
      j["largest"].push_back(std::move(one));
    }
    print(json_text(j, 1) + "\n");
    return;
  }
  print(fmt::format("intact: {:.6g} nats a token, {:.4g} % of the tokens expected most\n",
                    scan.intact().loss, 100 * scan.intact().top1));
  print(fmt::format("{:<28}{:>13}{:>13}{:>13}{:>12}{:>14}\n",
                    "of " + std::to_string(all) + " the largest", "loss change", "top-1 change",
                    "divergence", "X active", "correlation"));
  const auto short_number = [](const std::string& text) {
    return text.empty() ? std::string("-") : fmt::format("{:.4g}", std::stod(text));
  };
  for (const csv_table::row& r : table.rows)
    print(fmt::format("{:<28}{:>13}{:>13}{:>13}{:>12}{:>14}\n", r.fields[1],
                      r.fields[2] == "ok" ? short_number(r.fields[4]) : r.fields[2],
                      short_number(r.fields[6]), short_number(r.fields[7]),
                      short_number(r.fields[8]), short_number(r.fields[12])));
  print(fmt::format("wrote {}\n", (std::filesystem::path(o.folder) / "effects.csv").string()));
}

int scan(scan_options o) {
  o.input.check(false);
  const model m = o.engine.open(o.model);
  expect_logits(m, o.model, "scan");
  const std::vector<std::string> texts = texts_of(o, m);
  std::vector<intervention> all;
  for (const std::string& text : texts) all.push_back(parse_intervention(m, text));
  const std::vector<token_id> tokens = all_tokens(o, m);
  if (tokens.size() < 2)
    throw input_error("text", fmt::format("{} tokens", tokens.size()),
                      "two or more: each but the first is predicted");
  auto brain = std::make_unique<simulator>(o.engine.make(m));
  for (const intervention& p : all) brain->interventions().probes_needed(p);  // refuses what cannot
  scan_folder folder(o.folder, question(o, m, tokens, texts));
  stop_on_signals();
  const auto stop = [] { return stop_requested() != 0; };
  intervention_scan scanned(std::move(brain), tokens, stop);
  progress_meter progress(fmt::format("scanning {} interventions over {} tokens",
                                      shown_count(static_cast<double>(all.size())),
                                      shown_count(static_cast<double>(tokens.size()))));
  std::size_t done = folder.done();
  while (done < all.size() && !stop()) {
    const auto group =
        std::span(all).subspan(done, std::min<std::size_t>(o.streams, all.size() - done));
    const auto effects = scanned.effects(group, stop);
    if (!effects) break;
    std::string lines;
    for (std::size_t k = 0; k < group.size(); ++k)
      lines += line_of(done + k, texts[done + k], group[k], (*effects)[k], scanned);
    folder.add(lines);
    done += group.size();
    progress.at_share(static_cast<double>(done) / static_cast<double>(all.size()));
  }
  progress.clear();
  folder.close();
  if (const int signal = stop_requested()) {
    note(
        fmt::format("bdh: stopped by a signal after {} of {} interventions; the same command goes "
                    "on",
                    done, all.size()));
    return 128 + signal;
  }
  print_result(o, scanned, all.size());
  return 0;
}

class scan_app final : public command {
 public:
  explicit scan_app(command_line& program)
      : command(program, "scan",
                "Rank neurons, edges or synapses by what their lesions do to the predictions.") {
    command_line& c = arguments_;
    scan_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    c.add("WHAT", o.what,
          "neurons: 5,7-9, all, random:1000@1; edges gx:3->7; synapses:3->7: each of them alone")
        .required()
        .type_name("");
    o.input.add_to(c, false);
    c.add("--as", o.as,
          "what is done to a neuron: lesion, silence-x (X held at 0), silence-y [lesion]")
        .type_name("HOW")
        .one_of({"lesion", "silence-x", "silence-y"});
    c.add("-o,--output", o.folder,
          "the folder of the scan: effects.csv; the same command goes on in it")
        .required()
        .type_name("SCANDIR");
    add_number<std::uint64_t>(c, "--streams", o.streams, {1, 4096, "1 to 4096"},
                              "that run at the same time [16]");
    add_number<std::uint64_t>(c, "--top", o.top, any_count, "to list [10]");
    c.add_flag("--json", o.json, "one JSON object on standard output");
    o.engine.add_to(c, true);
  }
  int run() override { return scan(options_); }

 private:
  scan_options options_;
};

}  // namespace

std::unique_ptr<command> scan_command(command_line& program) {
  return std::make_unique<scan_app>(program);
}

}  // namespace bdh::app
