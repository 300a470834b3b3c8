// bdh report: a run as one page of HTML.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/console.hpp"
#include "apps/figure/text.hpp"
#include "apps/options.hpp"
#include "apps/report_page.hpp"
#include "apps/run_activity.hpp"
#include "apps/run_figures.hpp"
#include "apps/run_figures_parts.hpp"
#include "apps/signals.hpp"
#include "core/base/error.hpp"
#include "io/atomic_file.hpp"
#include "io/run_directory.hpp"

namespace bdh::app {
namespace {

using figure::colour;
using figure::escaped;
using nlohmann::json;

constexpr int surprisal_steps = 10;                   // colours
constexpr std::size_t longest_description = 100'000;  // bytes of run.json that are shown

// Light to dark: the text on it stays readable.
colour surprisal_colour(int step) {
  const double share = 0.75 * step / (surprisal_steps - 1);
  const auto mixed = [share](double full) { return static_cast<std::uint8_t>(std::lround(255 + share * (full - 255))); };
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
  std::string html = "<ul class=\"key\" aria-label=\"Surprisal in nats\"><li>surprisal (nats):</li>\n";
  for (int k = 0; k < surprisal_steps; ++k)
    html += fmt::format("<li><span {}>{}{:g}</span></li>\n", background(surprisal_colour(k)), k + 1 == surprisal_steps ? "≥ " : "from ",
                        k * step);
  return html + "<li><span>not known</span></li><li><span class=\"generated\">generated</span></li></ul>\n";
}

// One token as it is shown: a line end also ends the line.
std::string token_html(const recorded_run& run, std::size_t k) {
  const std::string& text = run.texts[k];
  if (text.empty()) return fmt::format("[{}] ", run.tokens[k]);
  return text == "\\n" ? "↵\n" : text == "\\t" ? "⇥" : text == "\\\\" ? "\\" : escaped(text);
}

page_section text_section(const recorded_run& run, const token_table& t, const std::vector<bool>& generated, std::size_t limit) {
  page_section s{"text", "Text and surprisal", {}};
  const std::size_t shown = std::min(limit, run.tokens.size());
  if (shown == 0) return s.body = "<p>The run has read no token.</p>\n", s;
  const double step = step_of(t);
  double nats = 0;
  std::size_t known = 0;
  for (double v : t.surprisal)
    if (std::isfinite(v)) nats += v, ++known;
  s.body = known == 0
               ? "<p>No losses are known in this run.</p>\n"
               : fmt::format("<p>Mean surprisal {:.3f} nats per token, over {} tokens.</p>\n", nats / static_cast<double>(known), known);
  s.body += key_of_colours(step) + "<div class=\"tokens\" data-rove role=\"group\" aria-label=\"The tokens; arrow keys go through them\">";
  for (std::size_t k = 0; k < shown; ++k) {
    const double v = k < t.surprisal.size() ? t.surprisal[k] : std::nan("");
    s.body += fmt::format(
        "<span data-k=\"{}\"{}{}>{}</span>", k, generated[k] ? " class=\"generated\"" : "",
        std::isfinite(v) ? " " + background(surprisal_colour(std::clamp(static_cast<int>(v / step), 0, surprisal_steps - 1))) : "",
        token_html(run, k));
  }
  s.body += "</div>\n";
  if (shown < run.tokens.size()) s.body += fmt::format("<p>The first {} of {} tokens; --limit shows more.</p>\n", shown, run.tokens.size());
  return s;
}

// What the script tells about tokens.
json token_data(const recorded_run& run, const token_table& t, const std::vector<bool>& generated, std::size_t limit) {
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
    all["generated"].push_back(generated[k] ? 1 : 0);
    const bool known = k < t.positions.size();
    all["surprisal"].push_back(known && std::isfinite(t.surprisal[k]) ? json(rounded(t.surprisal[k])) : json());
    all["x"].push_back(known ? layers(t.active_x, k) : json());
    all["y"].push_back(known ? layers(t.active_y, k) : json());
  }
  return all;
}

// A figure, or why there is none.
template <class Make>
std::string figure_html(const recorded_run& run, Make make, const figure_choice& choice, bool interactive, const std::string& caption) {
  try {
    const figure::picture p = make(run, choice);
    return std::string(interactive ? "<figure data-rove>\n" : "<figure>\n") + in_svg(p.what, interactive) + "<figcaption>" +
           escaped(caption) + "</figcaption>\n</figure>\n";
  } catch (const input_error& e) {
    return "<p>" + escaped(e.found() + (e.hint().empty() ? "" : "; to have it: " + e.hint())) + "</p>\n";
  }
}

std::string row(const std::string& name, const std::string& value) {
  return "<tr><th scope=\"row\">" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
}

// Of strangers: any type, any length.
std::string value_text(const json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() > 400 ? text.substr(0, 400) + " …" : text;
}

page_section provenance(const recorded_run& run) {
  page_section s{"provenance", "Provenance", "<table>\n<caption>What ran, from run.json</caption>\n"};
  for (const char* name : {"creator", "status", "started", "finished", "host"})
    if (run.run.contains(name)) s.body += row(name, value_text(run.run[name]));
  for (const auto& [name, value] : run.run["model"].items()) s.body += row("model: " + name, value_text(value));
  const json options = run.run.value("options", json::object());
  if (options.is_object())
    for (const auto& [name, value] : options.items()) s.body += row("option: " + name, value_text(value));
  s.body += "</table>\n";
  const std::string all = run.run.dump(1, ' ', false, json::error_handler_t::replace);
  s.body += "<details><summary>run.json</summary><pre tabindex=\"0\">" + escaped(all.substr(0, longest_description)) +
            (all.size() > longest_description ? "\n…" : "") + "</pre></details>\n";
  return s;
}

page report_of(const recorded_run& run, std::size_t limit) {
  const token_table t = read_token_table(run);
  std::vector<bool> generated = read_token_history(run.folder).generated;
  generated.resize(run.tokens.size());
  page p;
  p.title = "Run " + run_name(run);
  p.summary = fmt::format("{} tokens through {} neurons in {} layers; {}.", run.tokens.size(), run.neurons, run.layers, run.status());
  p.sections.push_back(text_section(run, t, generated, limit));
  p.sections.push_back({"raster", "Active neurons", figure_html(run, raster_of, {}, false, "Which neurons were active at which tokens.")});
  p.sections.push_back(
      {"rates", "Activity", figure_html(run, rates_of, {}, false, "How often neurons are active, and how many at each token.")});
  p.sections.push_back(
      {"sparsity", "Sparsity", figure_html(run, sparsity_of, {}, false, "Active shares by layer, and against surprisal.")});
  p.sections.push_back(
      {"synapses", "Synapses", figure_html(run, synapses_of, {}, true, "Strengths over the tokens; arrow keys go through the values.")});
  p.sections.push_back(provenance(run));
  p.data = token_data(run, t, generated, limit).dump(-1, ' ', false, json::error_handler_t::replace);
  return p;
}

class report_app final : public command {
 public:
  explicit report_app(CLI::App& program) : command(program, "report", "Make one page of HTML that tells a run's story.") {
    CLI::App& c = arguments_;
    c.add_option("RUN", run_, "the folder of a run")->required()->type_name("");
    c.add_option("-o,--output", target_, "NAME.html; it needs no other file and no network")->required()->type_name("FILE");
    add_number<std::uint64_t>(c, "--limit", limit_, positive_count, "tokens of the text that are shown [5000]")->type_name("N");
    c.add_flag("--force", force_, "overwrite FILE");
  }
  int run() override {
    if (std::filesystem::path(target_).extension() != ".html") throw input_error("-o", target_, "NAME.html");
    { const atomic_file target(target_, force_); }  // refuses before the work, not after it
    stop_on_signals();
    try {
      const std::string html = in_html(report_of(open_run(run_), limit_));
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
  std::string run_, target_;
  std::uint64_t limit_ = 5000;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<command> report_command(CLI::App& program) { return std::make_unique<report_app>(program); }

}  // namespace bdh::app
