// Commands of bdh step that make the model read, and that keep and bring back what it is after
// that.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include <bdh/error.hpp>
#include <bdh/sampling.hpp>
#include <bdh/simulator.hpp>
#include <bdh/state_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/common/signals.hpp"
#include "apps/common/token_text.hpp"
#include "apps/step/commands.hpp"
#include "core/base/utf8.hpp"

namespace bdh::app {
namespace {

std::string counts(const std::vector<neuron_id>& active) {
  return fmt::format("{}", fmt::join(active, " "));
}

double share(const step_session& session, const std::vector<neuron_id>& active) {
  const double all = static_cast<double>(session.model().neurons()) * session.model().layers();
  return 100.0 *
         static_cast<double>(std::accumulate(active.begin(), active.end(), std::uint64_t{0})) / all;
}

void record(step_session& session, const step_report& r) {
  if (!session.recording) return;
  std::string row = fmt::format("{},{},{},{}", r.position, r.token, fmt::join(r.active_x, ","),
                                fmt::join(r.active_y, ","));
  for (const probe_spec& p : session.recording->probes)
    row += "," + shown(*session.current().probes().strength(p));
  session.recording->file.write(row + "\n");
  session.recording->file.flush();
}

// Of a token that has been read to its end.
void print_report(step_session& session, const step_report& r) {
  say(fmt::format("token {}: {}, active X {}, Y {} of {} neurons\n", r.position,
                  shown_token(session.model(), r.token), counts(r.active_x), counts(r.active_y),
                  session.model().neurons()));
}

void expect_no_open_token(const step_session& session) {
  if (session.experiment.round())
    throw input_error("token " + std::to_string(session.current().tokens()), "still being read",
                      "a token read to its end", "finish");
}

token_id token_named(const step_session& session, const arguments& a, std::string_view word) {
  const std::uint64_t token = a.number(word, 0);
  if (token >= session.model().sensory_nodes())
    throw input_error("token", std::string(word),
                      "0 to " + std::to_string(session.model().sensory_nodes() - 1));
  return static_cast<token_id>(token);
}

// Reads all, and prints a line for each or for all together; a signal ends it after a token.
void read_all(step_session& session, const std::vector<token_id>& tokens, bool each) {
  std::size_t done = 0;
  double x = 0, y = 0;
  for (; done < tokens.size() && stop_requested() == 0; ++done) {
    const step_report& r = session.experiment.read(tokens[done]);
    record(session, r);
    if (each) print_report(session, r);
    x += share(session, r.active_x);
    y += share(session, r.active_y);
  }
  const std::uint64_t now = session.current().tokens();
  if (each || done == 0) return;
  const auto n = static_cast<double>(done);
  say(fmt::format("tokens {} to {}: active X {:.3g} %, Y {:.3g} % of neurons\n", now - done,
                  now - 1, x / n, y / n));
}

void token(step_session& session, arguments& a) {
  expect_no_open_token(session);
  std::vector<token_id> tokens{token_named(session, a, a.next())};
  while (const auto word = a.next_if_any()) tokens.push_back(token_named(session, a, *word));
  read_all(session, tokens, true);
}

void text(step_session& session, arguments& a) {
  expect_no_open_token(session);
  const model& m = session.model();
  const auto by = vocabulary_of(m);
  if (by == nullptr)
    throw unavailable_error(
        "text", fmt::format("a model whose {} tokens are ids only", m.sensory_nodes()), "token T");
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
  const std::vector<token_id> tokens = encoded(*by, bytes, "text");
  if (tokens.empty()) throw input_error("text", "no tokens", "a text of at least one");
  read_all(session, tokens, false);
}

void print_round(const round_mark& done) {
  static constexpr const char* did[] = {"X, synapses -> A", "W, X -> synapses, decay",
                                        "A -> Y, gated by X; Y -> W", "W -> X"};
  say(fmt::format("layer {} round {}: {}\n", done.layer, round_of(done.at),
                  did[round_of(done.at)]));
}

void begin_or_go_on(step_session& session, arguments& a) {
  const auto word = a.next_if_any();
  a.end();
  if (word && session.experiment.round()) expect_no_open_token(session);
  if (!word && !session.experiment.round()) a.refuse("no token is being read");
  if (word) session.experiment.begin(token_named(session, a, *word));
}

void advance(step_session& session) {
  print_round(session.experiment.advance());
  if (session.experiment.round()) return;
  record(session, session.experiment.reports().back());
  print_report(session, session.experiment.reports().back());
}

void round(step_session& session, arguments& a) {
  begin_or_go_on(session, a);
  advance(session);
}

void layer(step_session& session, arguments& a) {
  begin_or_go_on(session, a);
  do advance(session);
  while (session.experiment.round() && session.experiment.round()->at != moment::y_ready);
}

void finish(step_session& session, arguments& a) {
  a.end();
  const step_report& r = session.experiment.finish();
  record(session, r);
  print_report(session, r);
}

// What the model expects after the last token.
std::span<const float> logits_now(const step_session& session, const char* purpose) {
  expect_no_open_token(session);
  expect_logits(session.model(), session.file, purpose);
  const std::span<const float> all = session.current().logits();
  if (all.empty())
    throw input_error(purpose, "no token has been read", "a token or a text before it");
  return all;
}

void generate(step_session& session, arguments& a) {
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
  const auto by = vocabulary_of(session.model());
  const auto text = by == nullptr ? nullptr : by->decoder(false);
  terminal_text written;
  bool first = true;
  for (std::uint64_t k = 0; k < count && stop_requested() == 0; ++k, first = false) {
    if (first) logits_now(session, "generate");  // there are some
    const token_id next = session.current().choose(how);
    if (text != nullptr)
      print(written.add(text->add(next)));
    else
      print((first ? "" : ",") + std::to_string(next));
    record(session, session.experiment.read(next));
  }
  if (text != nullptr) print(written.add(text->finish()));
  print(written.finish() + "\n");
}

// Blanks other than ' ', and what has no width or turns the direction of writing.
bool looks_like_another(std::uint32_t code) {
  return (code >= 0x7f && code <= 0xa0) || code == 0xad || code == 0x1680 || code == 0x180e ||
         (code >= 0x2000 && code <= 0x200f) || (code >= 0x2028 && code <= 0x202f) ||
         (code >= 0x205f && code <= 0x206f) || code == 0x3000 || code == 0xfeff ||
         (code >= 0xfff0 && code <= 0xfffd);
}

// With escapes for what cannot be seen, or looks like something else: so that the texts of
// different tokens are different.
std::string distinct(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const utf8_character c = decode_utf8(text);
    const std::size_t length = std::max<std::size_t>(c.length, 1);
    const std::size_t known = std::string_view("\n\t\r\\").find(text[0]);
    if (known != std::string_view::npos)
      shown += {'\\', "ntr\\"[known]};
    else if (c.length == 0 || c.code < 0x20 || looks_like_another(c.code))
      for (char byte : text.substr(0, length))
        shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    else
      shown += text.substr(0, length);
    text.remove_prefix(length);
  }
  return shown;
}

void logits(step_session& session, arguments& a) {
  std::uint64_t most = 10;
  if (!a.empty()) {
    a.take("top");
    most = a.number(a.next(), 1);
  }
  a.end();
  const std::span<const float> all = logits_now(session, "logits");
  std::vector<token_id> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](token_id s, token_id t) { return all[s] > all[t]; });
  double sum = 0;
  for (float z : all) sum += std::exp(static_cast<double>(z) - all[order[0]]);
  say(fmt::format("{:>12}{:>14}{:>14}\n", "token", "logit", "probability"));
  for (std::size_t r = 0; r < std::min<std::uint64_t>(most, order.size()); ++r) {
    const double z = all[order[r]];
    say(fmt::format("{:>12}{:>14}{:>14}\n", shown_token(session.model(), order[r]), shown_number(z),
                    shown_number(std::exp(z - all[order[0]]) / sum)));
  }
}

void expect_no_recording(const step_session& session, const char* what) {
  if (session.recording)
    throw input_error(what,
                      "a recording to " + session.recording->name + " that would not know of it",
                      "no recording", "record off");
}

void undo(step_session& session, arguments& a) {
  const auto word = a.next_if_any();
  a.end();
  expect_no_recording(session, "undo");
  static constexpr const char* names[] = {"a token", "an intervention", "a release"};
  const std::uint64_t count = word ? a.number(*word, 1) : 1;
  for (std::uint64_t k = 0; k < count; ++k) {
    if (count > 1) stop_if_requested();
    try {
      const auto what = session.experiment.undo();
      say(fmt::format("took back {}; the next token is token {}\n",
                      names[static_cast<std::size_t>(what)], session.current().tokens()));
    } catch (const input_error&) {  // there is no more
      if (k == 0) throw;
      throw input_error("undo", fmt::format("{}, of which {} could be taken back", count, k),
                        fmt::format("at most {}", k));
    }
  }
}

void save(step_session& session, arguments& a) {
  expect_no_open_token(session);
  const std::string file = a.next();
  a.end();
  save_state(session.experiment.save(), session.model(), file);
  say(fmt::format("wrote the synapses after {} tokens to {}\n", session.current().tokens(), file));
}

void load(step_session& session, arguments& a) {
  expect_no_recording(session, "load");
  const std::string file = a.next();
  a.end();
  const bool forgets = !session.probes.empty() || !session.experiment.interventions().empty();
  run_state state = load_state(file, session.model());
  const std::string law = other_summation(state);
  session.load(std::move(state));
  session.probes.clear();
  say(fmt::format("synapses after {} tokens, from {}{}{}\n", session.current().tokens(), file,
                  forgets ? "; probes and interventions are gone" : "",
                  law.empty() ? "" : "; " + law));
}

void record_command(step_session& session, arguments& a) {
  if (a.empty())
    return say(session.recording ? "recording to " + session.recording->name + "\n"
                                 : "no recording\n");
  const std::string file = a.next();
  a.end();
  if (file == "off") {
    if (!session.recording)
      throw input_error("record", "off, but there is no recording", "record FILE before it");
    session.recording->file.close();
    session.recording.reset();
    return;
  }
  expect_no_recording(session, "record");
  std::error_code failed;
  if (std::filesystem::exists(file, failed))
    throw input_error(file, "a file that exists", "a new file");
  std::string header = "position,token";
  for (const char* variable : {"x", "y"})
    for (layer_id l = 1; l <= session.model().layers(); ++l)
      header += fmt::format(",active_{}_{}", variable, l);
  for (const probe_spec& p : session.probes)
    header += "," + csv_field(fmt::format("{} layer {}{}", shown_pair(session.model(), p.pair),
                                          p.layer, p.factor == probe_factor::y ? " by Y" : ""));
  session.recording.reset(new token_recording{csv_file(file), file, session.probes});
  session.recording->file.write(header + "\n");
  say(fmt::format("recording to {}: active neurons and {} probes, a line for each token\n", file,
                  session.probes.size()));
}

constexpr step_command run_command_table[] = {
    {"token", "token T...", "Reads tokens, given by their ids.", "", token},
    {"text", "text S",
     "Reads a text: the rest of the line, or a string as in JSON, for example \"a "
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
    {"undo", "undo [N]",
     "Takes back the last token, or the last intervention or release, or N of them: everything is "
     "as if it had never been.",
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
     [](step_session& session, arguments& a) { a.end(), session.quit = true; }},
};

}  // namespace

std::span<const step_command> run_commands() { return run_command_table; }

void say(std::string_view text) {
  terminal_text shown;
  print(shown.add(text) + shown.finish());
}

std::string shown_token(const model& m, token_id token) {
  const std::string text = token_text(m, token);
  return text.empty() ? fmt::format("{}", token) : fmt::format("{} '{}'", token, distinct(text));
}

std::string shown_number(double value) { return fmt::format("{:.6g}", value); }

}  // namespace bdh::app
