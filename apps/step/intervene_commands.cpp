// Commands of bdh step that intervene: the grammar is that of core/perturbation.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "apps/step/commands.hpp"
#include "core/base/error.hpp"
#include "core/simulation/simulator.hpp"

namespace bdh::app {
namespace {

// A choice of many neurons is cut short.
std::string shown_intervention(const experiment& e, const intervention& p) {
  constexpr std::size_t most = 100;
  std::string text = describe(e.subject(), p);
  if (text.size() > most)
    text = text.substr(0, most / 2) + " ... " + text.substr(text.size() - most / 2);
  return text;
}

std::string state_of(const experiment& e, const intervention& p) {
  const std::uint64_t now = e.lab.brain().tokens();
  if (p.acts_once()) return p.first < now ? "done" : fmt::format("acts before token {}", p.first);
  if (p.last < now) return "over";
  return p.first > now ? "to come" : "in force";
}

// The place of an error is the command itself, which parse_intervention names.
template <const char* Verb>
void intervene(experiment& e, arguments& a) {
  const intervention p = parse_intervention(
      e.subject(), std::string(Verb) + " " + std::string(a.text()), e.lab.brain().tokens());
  if (const std::uint64_t now = e.lab.brain().tokens(); p.last < now && !p.acts_once())
    throw input_error("intervention", fmt::format("token {}, which has been read", p.last),
                      fmt::format("token {} or later", now));
  const auto needed = e.lab.brain().probes_needed(p);
  const std::uint64_t again =
      std::ranges::all_of(
          needed, [&](const probe_spec& s) { return e.lab.brain().strength(s).has_value(); })
          ? 0
          : e.lab.tokens_read();
  const int number = e.lab.perturb(p);
  if (again != 0)
    say(
        fmt::format("(read the {} tokens so far again, with probes: through hubs nothing else "
                    "knows these synapses)\n",
                    again));
  say(fmt::format("intervention {}: {}, {}\n", number, shown_intervention(e, p), state_of(e, p)));
}

void interventions(experiment& e, arguments& a) {
  a.end();
  const auto all = e.lab.interventions();
  if (all.empty()) say("none\n");
  for (const auto& [number, p] : all)
    say(fmt::format("{:>4}  {}, {}\n", number, shown_intervention(e, p), state_of(e, p)));
}

void release(experiment& e, arguments& a) {
  const auto word = a.next_if_any();
  a.end();
  if (word)
    return e.lab.release(static_cast<int>(std::min<std::uint64_t>(a.number(*word, 1), 1 << 30)));
  const auto all = e.lab.interventions();
  if (all.empty()) throw input_error("release", "no intervention", "one to release");
  for (const auto& one : all) e.lab.release(one.number);
}

constexpr char lesion[] = "lesion", silence[] = "silence", clamp[] = "clamp",
               stimulate[] = "stimulate", freeze[] = "freeze", inhibition[] = "inhibition",
               reset[] = "reset", set[] = "set";
constexpr const char* time_words = "layers tokens from at x: y: gx: gy: synapses:";

constexpr step_command changing[] = {
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
    {freeze, "freeze", "No Hebbian writing; decay goes on.", time_words, intervene<freeze>},
    {inhibition, "inhibition FACTOR", "What comes over inhibitory edges, times a factor.",
     time_words, intervene<inhibition>},
    {reset, "reset | reset synapses:i->j", "Strengths to 0, once, before the next token.",
     time_words, intervene<reset>},
    {set, "set synapses:i->j VALUE", "A strength, once, before the next token.", time_words,
     intervene<set>},
    {"interventions", "interventions", "Lists those that were not released.", "", interventions},
    {"release", "release [N]", "Ends intervention N, or all.", "", release},
};

}  // namespace

std::span<const step_command> changing_commands() { return changing; }

}  // namespace bdh::app
