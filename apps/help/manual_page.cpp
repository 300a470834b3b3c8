#include "apps/help/manual_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "apps/help/build_facts.hpp"
#include "core/base/version.hpp"

namespace bdh::app {
namespace {

struct exit_status {
  const char *code, *meaning;
};

// As docs/command-line.md has them.
constexpr exit_status statuses[] = {
    {"0", "good"},
    {"1", "bad input, or a place that may not be written to; bdh verify: values differ"},
    {"2", "bad usage"},
    {"3", "a device failed or is not there: disk full, memory, a GPU"},
    {"4", "bdh diff: the runs differ"},
    {"130, 143", "after Ctrl-C and SIGTERM, with everything recorded so far kept"},
    {"141", "the reader of standard output has gone"},
};

// Fit for roff: nothing in it is a request or an escape, and dashes can be copied into a shell.
std::string roff(std::string_view text) {
  std::string safe;
  for (char c : text) switch (c) {
      case '\\':
        safe += "\\e";
        break;
      case '-':
        safe += "\\-";
        break;
      case '\'':
        safe += "\\(aq";
        break;
      case '`':
        safe += "\\(ga";
        break;
      case '^':
        safe += "\\(ha";
        break;
      case '~':
        safe += "\\(ti";
        break;
      case '"':
        safe += "\\(dq";
        break;
      default:
        safe += c;
    }
  return safe.starts_with('.') ? "\\&" + safe : safe;
}

// Lines of a text become paragraphs.
std::string paragraphs(std::string_view text) {
  std::string all;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty()) all += (all.empty() ? "" : ".PP\n") + roff(line) + "\n";
  }
  return all;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) {
  return text.empty() ? std::string() : "\\fI" + roff(text) + "\\fR";
}

// "Make a model." -> "make a model", for the line by which whatis(1) finds the page.
std::string in_short(std::string_view help) {
  help = help.substr(
      0, std::min({help.find('\n'), help.find(". "), help.find(": "), help.find("; ")}));
  if (help.ends_with('.')) help.remove_suffix(1);
  std::string text(help);
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z')
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

std::string label(const option_description& o) {
  if (o.positional()) return italic(o.argument);
  std::string text;
  for (const auto* names : {&o.short_names, &o.long_names})
    for (const std::string& name : *names) text += (text.empty() ? "" : ", ") + bold(name);
  const std::string value = o.type.empty() && !o.flag ? "VALUE" : o.type;
  return value.empty() ? text : text + " " + italic(value);
}

std::string entry(const option_description& o) {
  std::string text = ".TP\n" + label(o) + "\n" + (o.help.empty() ? "\\&\n" : paragraphs(o.help));
  if (!o.values.empty()) {
    text += ".br\nOne of:";
    for (const std::string& value : o.values)
      text += (value == o.values.front() ? " " : ", ") + bold(value);
    text += ".\n";
  }
  if (o.repeatable && !o.positional()) text += ".br\nMay be given several times.\n";
  return text;
}

// The arguments, then the options by their headings.
std::string entries(const command_description& command, const char* heading) {
  std::string arguments, options, last_group;
  for (const option_description& o : command.options)
    if (!o.hidden() && o.positional()) arguments += entry(o);
  for (const option_description& o : command.options) {
    if (o.hidden() || o.positional()) continue;
    if (o.group != last_group && o.group != "Options") options += ".SS " + roff(o.group) + "\n";
    last_group = o.group;
    options += entry(o);
  }
  std::string text;
  if (!arguments.empty())
    text += fmt::format(".{} {}\n", heading,
                        heading == std::string_view("SH") ? "ARGUMENTS" : "Arguments") +
            arguments;
  if (!options.empty())
    text += fmt::format(".{} {}\n", heading,
                        heading == std::string_view("SH") ? "OPTIONS" : "Options") +
            options;
  return text;
}

std::string usage(const std::string& name, const command_description& command) {
  std::string text = ".SY \"" + roff(name) + "\"\n";
  bool any = false;
  for (const option_description& o : command.options) {
    if (o.hidden()) continue;
    if (o.positional())
      text += o.required ? italic(o.argument) + "\n" : "[" + italic(o.argument) + "]\n";
    else if (o.required)
      text += label(o) + "\n";
    else
      any = true;
  }
  if (std::ranges::any_of(command.commands, [](const auto& below) { return !below.hidden; }))
    text += command.needs_command ? italic("KIND") + " ...\n" : "[" + italic("COMMAND") + " ...]\n";
  if (any) text += "[" + italic("options") + "]\n";
  return text + ".YS\n";
}

std::string beginning(const std::string& page, const std::string& about) {
  std::string title = page;
  std::ranges::transform(title, title.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(
      ".\\\" Written by bdh from its own command line.\n.TH {} 1 {} \"{}\" \"User Commands\"\n.SH "
      "NAME\n{} \\- {}\n",
      roff(title), facts.released, creator(), roff(page), roff(about));
}

std::string see_also(const std::vector<std::string>& pages) {
  std::string text = ".SH SEE ALSO\n";
  for (const std::string& page : pages)
    text += ".BR " + roff(page) + " (1)" + (page == pages.back() ? "\n" : ",\n");
  return text;
}

std::string exit_statuses() {
  std::string text = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : statuses)
    text += fmt::format(".TP\n.B {}\n{}\n", code, roff(meaning));
  return text;
}

manual_page of_command(const command_description& command) {
  const std::string page = "bdh-" + command.name, name = "bdh " + command.name;
  std::string text = beginning(page, in_short(command.help)) + ".SH SYNOPSIS\n";
  std::vector<const command_description*> kinds;
  for (const command_description& below : command.commands)
    if (!below.hidden) kinds.push_back(&below);
  if (kinds.empty()) text += usage(name, command);
  for (const auto* kind : kinds) text += usage(name + " " + kind->name, *kind);
  text += ".SH DESCRIPTION\n" + paragraphs(command.help);
  if (!command.footer.empty()) text += ".PP\n" + paragraphs(command.footer);
  text += entries(command, "SH");
  for (const auto* kind : kinds) {
    std::string heading = name + " " + kind->name;
    std::ranges::transform(heading, heading.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    text += ".SH " + roff(heading) + "\n" + paragraphs(kind->help) + entries(*kind, "SS");
  }
  return {page + ".1", text + exit_statuses() + see_also({"bdh"})};
}

manual_page of_program(const command_description& program) {
  std::string text =
      beginning("bdh", in_short(program.help)) + ".SH SYNOPSIS\n" + usage("bdh", program);
  text += R"(.SH DESCRIPTION
BDH (the Dragon Hatchling, arXiv 2509.26507) describes a language model as neuron particles on explicit graphs, excitatory and inhibitory,
with Hebbian state on every synapse.
.B bdh
runs that graph: it takes in weights that were trained with the authors\(aq code, exactly, and shows, records and changes every neuron and synapse.
Results go to standard output, all else to standard error; an error is one line:
.IR "place: found, expected; hint" .
.SH COMMANDS
)";
  std::vector<std::string> pages;
  for (const command_description& command : program.commands) {
    if (command.hidden) continue;
    text += ".TP\n" + bold(command.name) + "\n" + paragraphs(command.help);
    pages.push_back("bdh-" + command.name);
  }
  text += ".TP\n" + bold("help") + " [" + italic("COMMAND") + "]\nShow how a command is used.\n";
  text += entries(program, "SH") + exit_statuses();
  text += R"(.SH ENVIRONMENT
.TP
.B BDH_INSTRUCTIONS
the most that is used of the processor\(aqs vector instructions: plain, avx2 or avx512. Results have the same bits with each.
.TP
.B BDH_SEPARATE_ARRAYS
if set, every array on a GPU is an allocation of its own, so that compute\-sanitizer sees what is written past it.
.SH FILES
.TP
.I share/bdh/models
beside the folder of the program: small models to begin with, each with the values that the authors\(aq code computes.
.SH EXAMPLES
.EX
models=/usr/share/bdh/models/shakespeare\-4096
bdh import $models/model.safetensors \-o shakespeare.bdh.h5
bdh verify shakespeare.bdh.h5 $models/expected.h5
bdh run shakespeare.bdh.h5 \-\-text \(dqTo be, or not to be\(dq \-\-generate 40 \-o run
.EE
)";
  return {"bdh.1", text + see_also(pages)};
}

}  // namespace

std::vector<manual_page> manual(const command_description& program) {
  std::vector<manual_page> all = {of_program(program)};
  for (const command_description& command : program.commands)
    if (!command.hidden) all.push_back(of_command(command));
  return all;
}

}  // namespace bdh::app
