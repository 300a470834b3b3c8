// Commands of bdh step that make the model read, and that keep and bring back what it is after
// that.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_source.hpp"
#include "apps/step/commands.hpp"
#include "core/base/error.hpp"
#include "core/simulation/sampling.hpp"
#include "core/simulation/simulator.hpp"
#include "io/model/state_file.hpp"

namespace bdh::app {
namespace {

std::string counts(const std::vector<neuron_id>& active) {
  return fmt::format("{}", fmt::join(active, " "));
}

double share(const experiment& e, const std::vector<neuron_id>& active) {
  const double all = static_cast<double>(e.subject().neurons()) * e.subject().layers();
  return 100.0 *
         static_cast<double>(std::accumulate(active.begin(), active.end(), std::uint64_t{0})) / all;
}

void record(experiment& e, const step_report& r) {
  if (!e.recording) return;
  std::string row = fmt::format("{},{},{},{}", r.position, r.token, fmt::join(r.active_x, ","),
                                fmt::join(r.active_y, ","));
  for (const probe_spec& p : e.recording->probes) row += "," + shown(*e.lab.brain().strength(p));
  e.recording->file.write(row + "\n");
  e.recording->file.flush();
}

// What a token that has been read to its end leads to.
void tell(experiment& e, const step_report& r) {
  say(fmt::format("token {}: {}, active X {}, Y {} of {} neurons\n", r.position,
                  shown_token(e.subject(), r.token), counts(r.active_x), counts(r.active_y),
                  e.subject().neurons()));
}

void expect_no_open_token(const experiment& e) {
  if (e.lab.round())
    throw input_error("token " + std::to_string(e.lab.brain().tokens()), "still being read",
                      "a token read to its end", "finish");
}

token_id token_named(const experiment& e, const arguments& a, std::string_view word) {
  const std::uint64_t token = a.number(word, 0);
  if (token >= e.subject().sensory_nodes())
    throw input_error("token", std::string(word),
                      "0 to " + std::to_string(e.subject().sensory_nodes() - 1));
  return static_cast<token_id>(token);
}

// Reads all, telling of each or of all together; a signal ends it after a token.
void read_all(experiment& e, const std::vector<token_id>& tokens, bool each) {
  std::size_t done = 0;
  double x = 0, y = 0;
  for (; done < tokens.size() && stop_requested() == 0; ++done) {
    const step_report& r = e.lab.read(tokens[done]);
    record(e, r);
    if (each) tell(e, r);
    x += share(e, r.active_x);
    y += share(e, r.active_y);
  }
  const std::uint64_t now = e.lab.brain().tokens();
  if (each || done == 0) return;
  const auto n = static_cast<double>(done);
  say(fmt::format("tokens {} to {}: active X {:.3g} %, Y {:.3g} % of neurons\n", now - done,
                  now - 1, x / n, y / n));
}

void token(experiment& e, arguments& a) {
  expect_no_open_token(e);
  std::vector<token_id> tokens{token_named(e, a, a.next())};
  while (const auto word = a.next_if_any()) tokens.push_back(token_named(e, a, *word));
  read_all(e, tokens, true);
}

void text(experiment& e, arguments& a) {
  expect_no_open_token(e);
  const model& m = e.subject();
  if (m.tokens() == tokenizer::ids)
    throw unavailable_error(
        "text", fmt::format("a model whose {} tokens are not bytes", m.sensory_nodes()), "token T");
  std::string bytes(a.text());
  if (bytes.size() > 1 && bytes.front() == '"' && bytes.back() == '"') {
    try {
      bytes = nlohmann::json::parse(bytes).get<std::string>();
    } catch (const nlohmann::json::exception&) {
      throw input_error("text", bytes,
                        "a string as in JSON between double quotes, or the text without quotes");
    }
  }
  if (bytes.empty()) a.refuse("nothing more");
  std::vector<token_id> tokens;
  for (const char b : bytes) tokens.push_back(token_of(m, b));
  read_all(e, tokens, false);
}

void tell_round(const round_mark& done) {
  static constexpr const char* did[] = {"X, synapses -> A", "W, X -> synapses, decay",
                                        "A -> Y, gated by X; Y -> W", "W -> X"};
  say(fmt::format("layer {} round {}: {}\n", done.layer, round_of(done.at),
                  did[round_of(done.at)]));
}

void begin_or_go_on(experiment& e, arguments& a) {
  const auto word = a.next_if_any();
  a.end();
  if (word && e.lab.round()) expect_no_open_token(e);
  if (!word && !e.lab.round()) a.refuse("no token is being read");
  if (word) e.lab.begin(token_named(e, a, *word));
}

void advance(experiment& e) {
  tell_round(e.lab.advance());
  if (e.lab.round()) return;
  record(e, e.lab.reports().back());
  tell(e, e.lab.reports().back());
}

void round(experiment& e, arguments& a) {
  begin_or_go_on(e, a);
  advance(e);
}

void layer(experiment& e, arguments& a) {
  begin_or_go_on(e, a);
  do advance(e);
  while (e.lab.round() && e.lab.round()->at != moment::y_ready);
}

void finish(experiment& e, arguments& a) {
  a.end();
  const step_report& r = e.lab.finish();
  record(e, r);
  tell(e, r);
}

// What the model expects after the last token.
std::span<const float> logits_now(const experiment& e, const char* purpose) {
  expect_no_open_token(e);
  expect_logits(e.subject(), e.file, purpose);
  const std::span<const float> all = e.lab.brain().logits();
  if (all.empty())
    throw input_error(purpose, "no token has been read", "a token or a text before it");
  return all;
}

void generate(experiment& e, arguments& a) {
  const double temperature = [&] {
    const auto word = a.option("temperature");
    const auto value = word ? parse_number<double>(*word, {0, 1e6, ""}) : 0;
    if (!value) throw input_error("temperature", "'" + *word + "'", "a number from 0 to 1e6");
    return *value;
  }();
  const auto top = a.count("top");
  const sampling how{
      temperature, static_cast<std::uint32_t>(std::min<std::uint64_t>(top.value_or(0), 0xffffffff)),
      a.count("seed", 0).value_or(0)};
  const std::uint64_t count = a.number(a.next(), 1);
  a.end();
  const model& m = e.subject();
  terminal_text written;
  bool first = true;
  for (std::uint64_t k = 0; k < count && stop_requested() == 0; ++k, first = false) {
    if (first) logits_now(e, "generate");  // there are some
    const token_id next = e.lab.brain().choose(how);
    const auto byte = byte_of(m, next);
    print(byte ? written.add({&*byte, 1}) : fmt::format("{}{}", first ? "" : ",", next));
    record(e, e.lab.read(next));
  }
  print(written.finish() + "\n");
}

void logits(experiment& e, arguments& a) {
  const std::uint64_t most = a.empty()       ? 10
                             : a.take("top") ? a.number(a.next(), 1)
                                             : a.number(a.next(), 1);
  a.end();
  const std::span<const float> all = logits_now(e, "logits");
  std::vector<token_id> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](token_id s, token_id t) { return all[s] > all[t]; });
  double sum = 0;
  for (float z : all) sum += std::exp(static_cast<double>(z) - all[order[0]]);
  say(fmt::format("{:>12}{:>14}{:>14}\n", "token", "logit", "probability"));
  for (std::size_t r = 0; r < std::min<std::uint64_t>(most, order.size()); ++r) {
    const double z = all[order[r]];
    say(fmt::format("{:>12}{:>14}{:>14}\n", shown_token(e.subject(), order[r]), shown_number(z),
                    shown_number(std::exp(z - all[order[0]]) / sum)));
  }
}

void expect_no_recording(const experiment& e, const char* what) {
  if (e.recording)
    throw input_error(what, "a recording to " + e.recording->name + " that would not know of it",
                      "no recording", "record off");
}

void undo(experiment& e, arguments& a) {
  a.end();
  expect_no_recording(e, "undo");
  static constexpr const char* names[] = {"a token", "an intervention", "a release"};
  const auto what = e.lab.undo();
  say(fmt::format("took back {}; the next token is token {}\n",
                  names[static_cast<std::size_t>(what)], e.lab.brain().tokens()));
}

void save(experiment& e, arguments& a) {
  expect_no_open_token(e);
  const std::string file = a.next();
  a.end();
  save_state(e.lab.save(), e.subject(), file);
  say(fmt::format("wrote the synapses after {} tokens to {}\n", e.lab.brain().tokens(), file));
}

void load(experiment& e, arguments& a) {
  expect_no_recording(e, "load");
  const std::string file = a.next();
  a.end();
  const bool forgets = !e.probes.empty() || !e.lab.interventions().empty();
  e.lab.load(load_state(file, e.subject()));
  e.probes.clear();
  say(fmt::format("synapses after {} tokens, from {}{}\n", e.lab.brain().tokens(), file,
                  forgets ? "; probes and interventions are gone" : ""));
}

void record_command(experiment& e, arguments& a) {
  if (a.empty())
    return say(e.recording ? "recording to " + e.recording->name + "\n" : "no recording\n");
  const std::string file = a.next();
  a.end();
  if (file == "off") {
    if (!e.recording)
      throw input_error("record", "off, but there is no recording", "record FILE before it");
    e.recording->file.close();
    e.recording.reset();
    return;
  }
  expect_no_recording(e, "record");
  std::error_code failed;
  if (std::filesystem::exists(file, failed))
    throw input_error(file, "a file that exists", "a new file");
  std::string header = "position,token";
  for (const char* variable : {"x", "y"})
    for (layer_id l = 1; l <= e.subject().layers(); ++l)
      header += fmt::format(",active_{}_{}", variable, l);
  for (const probe_spec& p : e.probes)
    header += "," + csv_field(fmt::format("{} layer {}{}", shown_pair(e.subject(), p.pair), p.layer,
                                          p.factor == probe_factor::y ? " by Y" : ""));
  e.recording.reset(new token_recording{csv_file(file), file, e.probes});
  e.recording->file.write(header + "\n");
  say(fmt::format("recording to {}: active neurons and {} probes, a line for each token\n", file,
                  e.probes.size()));
}

constexpr step_command reading[] = {
    {"token", "token T...", "Reads tokens, given by their ids.", "", token},
    {"text", "text S",
     "Reads a text, byte by byte: the rest of the line, or a string as in JSON, for example \"a "
     "line\\n\".",
     "", text},
    {"generate", "generate K [temperature T] [top N] [seed S]",
     "Writes K tokens on: the most likely one, or drawn at a temperature above 0. Ctrl-C ends it "
     "after a token.",
     "temperature top seed", generate},
    {"round", "round [T]",
     "One of the 4L rounds of a token: round T begins token T, round goes on with it.", "", round},
    {"layer", "layer [T]", "The rounds up to the end of a layer; layer T begins token T.", "",
     layer},
    {"finish", "finish", "The rounds that are left of a token.", "", finish},
    {"logits", "logits [top K]", "What the model expects next: the K most likely tokens.", "top",
     logits},
    {"undo", "undo",
     "Takes back the last token, or the last intervention or release: everything is as if it had "
     "never been.",
     "", undo},
    {"save", "save FILE",
     "Writes the synapses, so that `load` or bdh run --state can go on from them.", "FILE", save},
    {"load", "load FILE",
     "Sets the synapses to what `save` or bdh run --save-state wrote. Probes and interventions "
     "end.",
     "FILE", load},
    {"record", "record FILE | record off",
     "Writes a line of comma-separated values for each token: active neurons, and the probes of "
     "now.",
     "FILE off", record_command},
    {"quit", "quit", "Leaves; so does Ctrl-D.", "",
     [](experiment& e, arguments& a) { a.end(), e.quit = true; }},
};

}  // namespace

std::span<const step_command> reading_commands() { return reading; }

void say(std::string_view text) {
  terminal_text shown;
  print(shown.add(text) + shown.finish());
}

std::string shown_token(const model& m, token_id token) {
  const auto byte = byte_of(m, token);
  return byte && *byte >= 0x20 && *byte < 0x7f ? fmt::format("{} '{}'", token, *byte)
                                               : fmt::format("{}", token);
}

std::string shown_number(double value) { return fmt::format("{:.6g}", value); }

}  // namespace bdh::app
