// Commands of bdh step that intervene: the grammar is that of bdh/intervention.hpp.
#include <fmt/format.h>

#include <algorithm>

#include <bdh/error.hpp>
#include <bdh/simulator.hpp>

#include "apps/step/commands.hpp"
#include "io/protocol/protocol.hpp"

namespace bdh::app {
namespace {

// A choice of many neurons is cut short.
std::string shown_intervention(const step_session& session, const intervention& p) {
  constexpr std::size_t most = 100;
  std::string text = describe(session.model(), p);
  if (text.size() > most)
    text = text.substr(0, most / 2) + " ... " + text.substr(text.size() - most / 2);
  return text;
}

std::string state_of(const step_session& session, const intervention& p) {
  const std::uint64_t now = session.current().tokens();
  const bool over = p.last_position() < now;
  if (p.acts_once() && !p.pulses())
    return over ? "done" : fmt::format("acts before token {}", p.first);
  if (over) return "over";
  if (p.first_position() > now) return "to come";
  return p.pulses() ? "in pulses" : "in force";
}

void expect_to_come(const step_session& session, const std::string& place, const intervention& p) {
  if (p.acts_once() && !p.pulses()) return;  // the simulator refuses it
  const std::uint64_t now = session.current().tokens();
  const std::uint64_t last = p.onsets.empty() ? p.last_position() : p.first_position();
  if (last < now)
    throw input_error(place, fmt::format("token {}, which has been read", last),
                      fmt::format("token {} or later", now));
}

// The place of an error is the command itself, which parse_intervention names.
template <const char* Verb>
void intervene(step_session& session, arguments& a) {
  const intervention p = parse_intervention(
      session.model(), std::string(Verb) + " " + std::string(a.text()), session.current().tokens());
  expect_to_come(session, "intervention", p);
  const auto needed = session.current().interventions().probes_needed(p);
  const std::uint64_t again =
      std::ranges::all_of(
          needed,
          [&](const probe_spec& s) { return session.current().probes().strength(s).has_value(); })
          ? 0
          : session.experiment.tokens_read();
  const int number = session.experiment.intervene(p);
  if (again != 0)
    say(
        fmt::format("(read the {} tokens so far again, with probes: through hubs nothing else "
                    "knows these synapses)\n",
                    again));
  say(fmt::format("intervention {}: {}, {}\n", number, shown_intervention(session, p),
                  state_of(session, p)));
}

void follow_protocol(step_session& session, arguments& a) {
  const std::string file = a.next();
  const auto word = a.next_if_any();
  a.end();
  const protocol all = read_protocol(file, session.model());
  if (!word && all.conditions.size() > 1) {
    std::string names;
    for (const protocol_condition& c : all.conditions) names += " " + c.name;
    throw input_error(file, "conditions" + names, "protocol FILE CONDITION, with one of them");
  }
  const protocol_condition& chosen =
      word ? all.condition(std::string(*word)) : all.conditions.front();
  const std::uint64_t now = session.current().tokens();
  for (const std::string& text : chosen.interventions) {
    const intervention p = parse_intervention(session.model(), text, now);
    expect_to_come(session, "'" + text + "'", p);
  }
  for (const std::string& text : chosen.interventions) {
    const intervention p = parse_intervention(session.model(), text, now);
    const int number = session.experiment.intervene(p);
    say(fmt::format("intervention {}: {}, {}\n", number, shown_intervention(session, p),
                    state_of(session, p)));
  }
}

void interventions(step_session& session, arguments& a) {
  a.end();
  const auto all = session.experiment.interventions();
  if (all.empty()) say("none\n");
  for (const auto& [number, p] : all)
    say(fmt::format("{:>4}  {}, {}\n", number, shown_intervention(session, p),
                    state_of(session, p)));
}

void release(step_session& session, arguments& a) {
  const auto word = a.next_if_any();
  a.end();
  if (word)
    return session.experiment.release(
        static_cast<int>(std::min<std::uint64_t>(a.number(*word, 1), 1 << 30)));
  const auto all = session.experiment.interventions();
  if (all.empty()) throw input_error("release", "no intervention", "one to release");
  for (const auto& one : all) session.experiment.release(one.number);
}

constexpr char lesion[] = "lesion", silence[] = "silence", clamp[] = "clamp",
               stimulate[] = "stimulate", noise[] = "noise", freeze[] = "freeze",
               inhibition[] = "inhibition", reset[] = "reset", set[] = "set";
constexpr const char* time_words = "layers tokens from at every for x: y: gx: gy: synapses:";

constexpr step_command intervene_command_table[] = {
    {lesion, "lesion NEURONS | lesion gx:i->j | lesion gy:i->j | lesion synapses:i->j",
     "Removes neurons, or cuts edges of a circuit, or keeps synapses from transmitting, from the "
     "next token on.",
     time_words, intervene<lesion>},
    {silence, "silence x:NEURONS | silence y:NEURONS", "Holds X or Y at 0.", time_words,
     intervene<silence>},
    {clamp, "clamp x:NEURONS VALUE | clamp y:NEURONS VALUE", "Holds X or Y at a value >= 0.",
     time_words, intervene<clamp>},
    {stimulate, "stimulate x:NEURONS VALUE | stimulate y:NEURONS VALUE",
     "Adds to what drives X or Y, before the threshold.", time_words, intervene<stimulate>},
    {noise, "noise x:NEURONS gaussian MEAN DEVIATION | noise x:NEURONS poisson RATE SIZE",
     "Adds a random current to what drives X or Y: another one for each neuron, layer and token.",
     "gaussian poisson seed stream layers tokens from at every for x: y:", intervene<noise>},
    {freeze, "freeze", "No Hebbian writing; decay goes on.", time_words, intervene<freeze>},
    {inhibition, "inhibition FACTOR", "What comes over inhibitory edges, times a factor.",
     time_words, intervene<inhibition>},
    {reset, "reset | reset synapses:i->j", "Strengths to 0, once, before the next token.",
     time_words, intervene<reset>},
    {set, "set synapses:i->j VALUE", "A strength, once, before the next token.", time_words,
     intervene<set>},
    {"protocol", "protocol FILE [CONDITION]",
     "Begins the interventions of a protocol, or of one of its conditions.", "FILE",
     follow_protocol},
    {"interventions", "interventions", "Lists those that were not released.", "", interventions},
    {"release", "release [N]", "Ends intervention N, or all.", "", release},
};

}  // namespace

std::span<const step_command> intervene_commands() { return intervene_command_table; }

}  // namespace bdh::app
