// The command line alone: what it takes and refuses, and that its description has all of it.
#include "apps/common/command_line.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace bdh::app;

namespace {

using words = std::vector<std::string>;

// A program with one of everything.
struct program {
  command_line all{"tool", "Does things."};
  command_line *draw = nullptr, *circle = nullptr, *secret = nullptr;
  std::string file, colour = "red";
  std::optional<std::string> note, trace;
  std::vector<std::string> marks;
  std::vector<double> centre{0, 0};
  std::optional<double> radius;
  std::uint32_t count = 7;
  bool filled = false;
  const option* traced = nullptr;

  program() {
    all.add_answer(
        "--version", [] { return "tool 1"; }, "print the version");
    all.add_help("-h,--help", "print this help");
    draw = &all.add_command("draw", "Draw a figure.").needs_command();
    circle = &draw->add_command("circle", "A round one.");
    circle->footer("Circles are round.");
    circle->add("FILE", file, "where to").required().type_name("");
    circle->add("-c,--colour", colour, "red or blue [red]").type_name("C").one_of({"red", "blue"});
    circle->add("--note", note, "of the paper").expects({"a", "b"}).excludes("--colour");
    circle->add("--mark", marks, "a mark; repeatable").check([](const std::string& m) {
      return m == "x" ? "'x', too short" : "";
    });
    circle->add_numbers("--centre", centre, 2, "where it is [0,0]").type_name("X,Y");
    add_number<double>(*circle, "--radius", radius, {0, 10, "0 to 10"}, "how large").group("Sizes");
    add_number<std::uint32_t>(*circle, "--count", count, {1, 100, "1 to 100"}, "how many [7]");
    traced = &circle->add("--trace", trace, "where it went").value_optional();
    circle->add_flag("--filled", filled, "without a hole");
    secret = &all.add_command("secret", "Not for all.").hide();
    secret->add("--quiet", note, "hidden").group("");
  }
  std::string refusal(const words& given) {
    try {
      all.parse(given);
    } catch (const usage_error& e) {
      return e.what();
    }
    return {};
  }
};

const option_description& named(const command_description& c, const std::string& name) {
  const auto found =
      std::find_if(c.options.begin(), c.options.end(), [&](const option_description& o) {
        return o.argument == name ||
               std::count(o.long_names.begin(), o.long_names.end(), name) != 0;
      });
  REQUIRE(found != c.options.end());
  return *found;
}

}  // namespace

TEST_CASE("words reach their targets") {
  program p;
  const auto parsed =
      p.all.parse({"draw", "circle", "--colour=blue", "out", "--mark", "a", "--mark", "b",
                   "--centre", "1,2.5", "--radius", "3", "--count", "9", "--filled", "--trace"});
  CHECK(parsed.what == command_line::wanted::command);
  CHECK(p.circle->chosen());
  CHECK_FALSE(p.secret->chosen());
  CHECK(p.file == "out");
  CHECK(p.colour == "blue");
  CHECK(p.marks == words{"a", "b"});
  CHECK(p.centre == std::vector<double>{1, 2.5});
  CHECK(p.radius == 3.0);
  CHECK(p.count == 9);
  CHECK(p.filled);
  CHECK(p.traced->given());
  CHECK_FALSE(p.note.has_value());
}

TEST_CASE("a wrong word is refused by the option at fault") {
  const auto circle = [](words more) {
    more.insert(more.begin(), {"draw", "circle", "out"});
    return program().refusal(more);
  };
  CHECK(circle({"--colour", "green"}) == "--colour: 'green', expected red, blue");
  CHECK(circle({"--colour", "bleu"}) == "--colour: 'bleu', expected red, blue; did you mean blue?");
  CHECK(circle({"--note", "c"}) == "--note: 'c', expected a, b");
  CHECK(circle({"--mark", "x"}) == "--mark: 'x', too short");
  CHECK(circle({"--radius", "11"}) == "--radius: '11', expected 0 to 10");
  CHECK(circle({"--radius", "nan"}) == "--radius: 'nan', expected 0 to 10");
  CHECK(circle({"--count", "010x"}) == "--count: '010x', expected 1 to 100");
  CHECK(circle({"--note", "a", "--colour", "red"}) == "--colour excludes --note");
  CHECK(circle({"--shade"}) == "The following argument was not expected: --shade");
  CHECK(program().refusal({"draw", "circle"}) == "FILE is required");
  CHECK(program().refusal({"draw"}) == "A subcommand is required");
  CHECK(circle({}) == "");
}

TEST_CASE("help and answers come before anything else") {
  program p;
  CHECK(p.all.parse({"draw", "circle", "--help"}).what == command_line::wanted::help);
  const auto version = program().all.parse({"--version"});
  CHECK(version.what == command_line::wanted::answer);
  CHECK(version.answer == "tool 1");
}

TEST_CASE("words can be counted before they are read") {
  program p;
  std::size_t seen = 99;
  p.secret->before_words([&](std::size_t count) { seen = count; });
  p.all.parse({"secret", "--quiet", "a"});
  CHECK(seen == 2);
}

TEST_CASE("the description has every command and option") {
  const program p;
  const command_description all = describe(p.all);
  CHECK(all.name == "tool");
  REQUIRE(all.commands.size() == 2);
  CHECK(all.commands[0].needs_command);
  CHECK_FALSE(all.commands[0].hidden);
  CHECK(all.commands[1].hidden);
  CHECK(all.commands[1].options.back().hidden());
  const command_description& circle = all.commands[0].commands.at(0);
  CHECK(circle.footer == "Circles are round.");
  CHECK(circle.options.size() == 10);  // with that for help
  CHECK(named(circle, "--help").short_names == words{"-h"});
  CHECK(named(circle, "--help").flag);
  const option_description& file = named(circle, "FILE");
  CHECK(file.positional());
  CHECK(file.required);
  CHECK(file.group == "Positionals");
  const option_description& colour = named(circle, "--colour");
  CHECK(colour.short_names == words{"-c"});
  CHECK(colour.type == "C");
  CHECK(colour.values == words{"red", "blue"});
  CHECK(colour.unless_given == "red");
  CHECK(colour.excludes == words{"--note"});
  CHECK_FALSE(colour.repeatable);
  CHECK(named(circle, "--note").values == words{"a", "b"});
  CHECK(named(circle, "--mark").repeatable);
  CHECK_FALSE(named(circle, "--mark").flag);
  CHECK_FALSE(named(circle, "--centre").repeatable);
  CHECK(named(circle, "--radius").group == "Sizes");
  CHECK(named(circle, "--radius").type == "N");
  CHECK(named(circle, "--trace").value_optional);
  CHECK(named(circle, "--filled").flag);
  CHECK_FALSE(named(circle, "--filled").value_optional);
}
