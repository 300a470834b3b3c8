// bdh report: a run as one page of HTML.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include <bdh/error.hpp>

#include "apps/analysis/run_activity.hpp"
#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/plot/figure/text.hpp"
#include "apps/plot/model_figures.hpp"
#include "apps/plot/model_graph.hpp"
#include "apps/plot/report_model.hpp"
#include "apps/plot/report_page.hpp"
#include "apps/plot/run_figures.hpp"
#include "apps/plot/run_figures_parts.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {
namespace {

using figure::colour;
using figure::escaped;
using nlohmann::json;

constexpr int surprisal_steps = 10;  // colours
constexpr neuron_id most_for_degrees = 8192;
constexpr std::size_t longest_description = 100'000;  // bytes of run.json that are shown

// Light to dark: the text on it stays readable.
colour surprisal_colour(int step) {
  const double share = 0.75 * step / (surprisal_steps - 1);
  const auto mixed = [share](double full) {
    return static_cast<std::uint8_t>(std::lround(255 + share * (full - 255)));
  };
  return {mixed(0xd5), mixed(0x5e), mixed(0x00)};
}

double step_of(const token_table& t) {
  double most = 0;
  for (double s : t.surprisal)
    if (std::isfinite(s)) most = std::max(most, s);
  return most > 6 ? 1 : 0.5;  // nats
}

std::string background(const colour& c) { return "style=\"background:" + c.text() + "\""; }

std::string key_of_colours(double step) {
  std::string html =
      "<ul class=\"key\" aria-label=\"Surprisal in nats\"><li>surprisal (nats):</li>\n";
  for (int k = 0; k < surprisal_steps; ++k)
    html += fmt::format("<li><span {}>{}{:g}</span></li>\n", background(surprisal_colour(k)),
                        k + 1 == surprisal_steps ? "≥ " : "from ", k * step);
  return html +
         "<li><span>not known</span></li><li><span "
         "class=\"generated\">generated</span></li></ul>\n";
}

// One token as it is shown: a line end also ends the line.
std::string token_html(const run_reader& run, std::size_t k) {
  const std::string& text = run.texts[k];
  if (text.empty()) return fmt::format("[{}] ", run.tokens[k]);
  std::string shown;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char next = text[at] == '\\' && at + 1 < text.size() ? text[at + 1] : '\0';
    const std::size_t known = std::string_view("nt\\").find(next);
    static constexpr const char* marks[] = {"↵\n", "⇥", "\\"};
    if (known == std::string_view::npos)
      shown += text[at];
    else
      shown += marks[known], ++at;
  }
  return escaped(shown);
}

page_section text_section(const run_reader& run, const token_table& t, std::size_t limit) {
  page_section s{"text", "Text and surprisal", {}};
  const std::size_t shown = std::min(limit, run.tokens.size());
  if (shown == 0) return s.body = "<p>The run has read no token.</p>\n", s;
  const double step = step_of(t);
  double nats = 0;
  std::size_t known = 0;
  for (double v : t.surprisal)
    if (std::isfinite(v)) nats += v, ++known;
  s.body = known == 0
               ? "<p>No surprisals are recorded in this run.</p>\n"
               : fmt::format("<p>Mean surprisal {:.3f} nats per token, over {} tokens.</p>\n",
                             nats / static_cast<double>(known), known);
  s.body += (known == 0 ? std::string() : key_of_colours(step)) +
            "<div>\n<div class=\"tokens\" data-rove role=\"group\" aria-label=\"The tokens; arrow "
            "keys go "
            "through them\">";
  for (std::size_t k = 0; k < shown; ++k) {
    const double v = k < t.surprisal.size() ? t.surprisal[k] : std::nan("");
    s.body += fmt::format(
        "<span data-k=\"{}\"{}{}>{}</span>", k, run.generated[k] ? " class=\"generated\"" : "",
        std::isfinite(v) ? " " + background(surprisal_colour(std::clamp(static_cast<int>(v / step),
                                                                        0, surprisal_steps - 1)))
                         : "",
        token_html(run, k));
  }
  s.body += std::string("</div>\n") + tip_line + "</div>\n";
  if (shown < run.tokens.size())
    s.body += fmt::format("<p>The first {} of {} tokens; --limit shows more.</p>\n", shown,
                          run.tokens.size());
  return s;
}

// What the script shows of tokens.
json token_data(const run_reader& run, const token_table& t, std::size_t limit) {
  json all{{"first", run.first},         {"tokens", json::array()}, {"surprisal", json::array()},
           {"generated", json::array()}, {"x", json::array()},      {"y", json::array()}};
  const auto rounded = [](double v) { return std::round(v * 1e5) / 1e5; };
  const auto layers = [&](const std::vector<std::vector<double>>& shares, std::size_t k) {
    json row = json::array();
    for (const auto& layer : shares) row.push_back(rounded(layer[k]));
    return row;
  };
  for (std::size_t k = 0; k < std::min(limit, run.tokens.size()); ++k) {
    all["tokens"].push_back(run.tokens[k]);
    all["generated"].push_back(run.generated[k] ? 1 : 0);
    const bool known = k < t.positions.size();
    all["surprisal"].push_back(
        known && std::isfinite(t.surprisal[k]) ? json(rounded(t.surprisal[k])) : json());
    all["x"].push_back(known ? layers(t.active_x, k) : json());
    all["y"].push_back(known ? layers(t.active_y, k) : json());
  }
  return all;
}

// The largest strengths of the synapses that are drawn.
std::string strongest_synapses(const figure::drawing& d) {
  struct strongest {
    std::string synapse, layer;
    double position, value, last;
  };
  std::vector<strongest> all;
  for (const figure::panel& p : d.panels)
    for (const figure::mark& m : p.marks) {
      std::size_t most = m.y.size();
      for (std::size_t k = 0; k < m.y.size(); ++k)
        if (std::isfinite(m.y[k]) && (most == m.y.size() || std::abs(m.y[k]) > std::abs(m.y[most])))
          most = k;
      if (most != m.y.size() && m.y[most] != 0)
        all.push_back({m.name, p.title, m.x[most], m.y[most], m.y.back()});
    }
  std::stable_sort(all.begin(), all.end(), [](const strongest& a, const strongest& b) {
    return std::abs(a.value) > std::abs(b.value);
  });
  if (all.empty()) return {};
  std::string html =
      "<table>\n<caption>The largest strengths</caption>\n<thead><tr><th "
      "scope=\"col\">synapse</th><th scope=\"col\">layer</th>"
      "<th scope=\"col\" class=\"number\">largest</th><th scope=\"col\" class=\"number\">after "
      "position</th>"
      "<th scope=\"col\" class=\"number\">at the end</th></tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < std::min<std::size_t>(all.size(), 12); ++k)
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"number\">{:.4g}</td><td "
        "class=\"number\">{}</td><td "
        "class=\"number\">{}</td></tr>\n",
        escaped(all[k].synapse), escaped(all[k].layer), all[k].value, all[k].position,
        std::isfinite(all[k].last) ? fmt::format("{:.4g}", all[k].last) : "not known");
  return html + "</tbody>\n</table>\n";
}

// Of the run's model, where that is still there and small enough not to be waited for.
page_section degrees_section(const run_reader& run) {
  page_section s{"degrees", "Degrees", {}};
  if (run.neurons > most_for_degrees)
    return s.body = "<p>bdh plot degree MODEL draws those of a model of this size.</p>\n", s;
  const found_model found = find_model(run);
  if (!found.subject)
    return s.body = "<p>The model is needed: " + escaped(found.missing) + "</p>\n", s;
  const std::string name =
      std::filesystem::path(json::parse(run.options.at("model")).get<std::string>())
          .filename()
          .string();
  for (const char* graph : {"gx", "gy"}) {
    graph_choice choice;
    choice.graph = graph;
    choice.threads = std::max(1u, std::thread::hardware_concurrency());
    s.body += figure_html([&] { return degrees_of(*found.subject, name, choice); },
                          fmt::format("The model's graph {}.", graph));
  }
  return s;
}

std::string row(const std::string& name, const std::string& value) {
  return "<tr><th scope=\"row\">" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
}

// Of run.json, which may have been edited: any type, any length.
std::string value_text(const json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
  return text.size() > 400 ? text.substr(0, 400) + " …" : text;
}

page_section provenance(const run_reader& run) {
  page_section s{"provenance", "Provenance",
                 "<table>\n<caption>What ran, from run.json</caption>\n"};
  const json description = json::parse(run.json);
  for (const char* name : {"creator", "status", "started", "finished", "host"})
    if (description.contains(name)) s.body += row(name, value_text(description[name]));
  for (const auto& [name, value] : description["model"].items())
    s.body += row("model: " + name, value_text(value));
  for (const auto& [name, value] : run.options)
    s.body += row("option: " + name, value_text(json::parse(value)));
  s.body += "</table>\n";
  const std::string all = json_text(description, 1);
  s.body += "<details><summary>run.json</summary><pre tabindex=\"0\">" +
            escaped(all.substr(0, longest_description)) +
            (all.size() > longest_description ? "\n…" : "") + "</pre></details>\n";
  return s;
}

page_section synapses_section(const run_reader& run, const figure_choice& choice) {
  std::string table;
  const auto make = [&] {
    figure::picture p = synapses_of(run, choice);
    table = strongest_synapses(p.what);
    return p;
  };
  const std::string drawn = figure_html(make, "Strengths over the tokens.");
  return {"synapses", "Synapses", table + drawn};
}

page page_of(const run_reader& run, std::size_t limit) {
  const token_table t = read_token_table(run);
  page p;
  p.title = "Run " + run_name(run);
  p.summary =
      fmt::format("{} through {} in {}; {}.", counted(run.tokens.size(), "token"),
                  counted(run.neurons, "neuron"), counted(run.layers, "layer"), name(run.status));
  p.sections.push_back(text_section(run, t, limit));
  const figure_choice choice{.interactive = true, .width = page_width};
  const auto of_run = [&](figure::picture (*make)(const run_reader&, const figure_choice&),
                          const std::string& caption) {
    return figure_html([&] { return make(run, choice); }, caption);
  };
  p.sections.push_back({"raster", "Active neurons",
                        of_run(raster_of, "Which neurons were active at which tokens.")});
  p.sections.push_back(
      {"rates", "Activity",
       of_run(rates_of, "How often neurons are active, and how many at each token.")});
  p.sections.push_back({"sparsity", "Sparsity",
                        of_run(sparsity_of, "Active shares by layer, and against surprisal.")});
  if (run.options.contains("spikes"))
    p.sections.push_back(
        {"spikes", "Spikes",
         of_run(spikes_of,
                "Trains of the recorded neurons in ms, and how many spikes come in each "
                "bin of a token.") +
             of_run(intervals_picture,
                    "How long neurons wait from spike to spike, and how often "
                    "they spike.")});
  p.sections.push_back(synapses_section(run, choice));
  p.sections.push_back(degrees_section(run));
  p.sections.push_back(provenance(run));
  p.data = json_text(token_data(run, t, limit));
  return p;
}

class report_app final : public command {
 public:
  explicit report_app(command_line& program)
      : command(program, "report", "Make one page of HTML from a run or a model.") {
    command_line& c = arguments_;
    c.add("RUN", subject_, "the folder of a run, or a model, NAME.bdh.h5").required().type_name("");
    c.add("-o,--output", target_, "NAME.html; it needs no other file and no network")
        .required()
        .type_name("FILE");
    add_number<std::uint64_t>(c, "--limit", limit_, positive_count,
                              "of a run: tokens of the text that are shown [5000]")
        .type_name("N");
    c.add_flag("--force", force_, "overwrite FILE");
  }
  int run() override {
    if (std::filesystem::path(target_).extension() != ".html")
      throw input_error("-o", target_, "NAME.html");
    { const atomic_file target(target_, force_); }  // refuses before the work, not after it
    stop_on_signals();
    try {
      const std::string html = in_html(made());
      stop_if_requested();
      figure::write_whole(target_, html, force_);
    } catch (const stopped&) {
      note("bdh: stopped by a signal; nothing was written");
      return 128 + stop_requested();
    }
    note("wrote " + target_);
    return 0;
  }

 private:
  page made() const {
    if (identify(subject_) != file_kind::model) return page_of(run_reader(subject_), limit_);
    return page_of_model(open_model(subject_), model_name(subject_));
  }

  std::string subject_, target_;
  std::uint64_t limit_ = 5000;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<command> report_command(command_line& program) {
  return std::make_unique<report_app>(program);
}

}  // namespace bdh::app
