// bdh repair: makes a recording again from its journals, beside the damaged one.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "io/files/json.hpp"
#include "io/recording/run_writer.hpp"

namespace bdh::app {
namespace {

struct repair_options {
  std::string damaged, target;
  bool json = false;
};

nlohmann::ordered_json described(const rebuilt& r) {
  return {{"report", r.what.name}, {"rows", r.rows}, {"damaged_bytes", r.damaged_bytes}};
}

std::string line(const rebuilt& r) {
  return fmt::format("{:16}{} rows{}\n", r.what.name, r.rows,
                     r.damaged_bytes == 0 ? ""
                                          : fmt::format("; the last {} of its journal are damaged",
                                                        shown_bytes(r.damaged_bytes)));
}

void repair_folder(const repair_options& o) {
  const repaired_run made = repair_run(o.damaged, o.target);
  nlohmann::ordered_json all{{"run", o.target},
                             {"tokens", made.tokens},
                             {"copied", made.copied},
                             {"rebuilt", nlohmann::json::array()}};
  std::string text;
  for (const rebuilt& r : made.recordings) {
    all["rebuilt"].push_back(described(r));
    text += line(r);
  }
  for (const std::string& name : made.copied) text += fmt::format("{:16}copied as it is\n", name);
  for (const std::string& why : made.lost) note("bdh: a recording is lost: " + why);
  if (made.left_out != 0)
    note(
        fmt::format("bdh: journals go on for {} more tokens than tokens.csv and summary.csv, which "
                    "end early; those are left out",
                    made.left_out));
  all["lost"] = made.lost;
  all["tokens_left_out"] = made.left_out;
  text += fmt::format("wrote {}: {} tokens\n", o.target, made.tokens);
  print(o.json ? json_text(all, 1) + "\n" : text);
}

void repair_recording(const repair_options& o) {
  if (std::error_code ignored; std::filesystem::exists(o.target, ignored))
    throw input_error(o.target, "exists", "a new name");
  const std::filesystem::path damaged(o.damaged),
      journal = damaged.extension() == ".journal" ? damaged : journal_of(damaged);
  if (std::error_code ignored; !std::filesystem::exists(journal, ignored))
    throw input_error(journal.string(), "no such file", "the journal of a recording",
                      "recordings of a complete run have none: they are whole");
  const rebuilt r = rebuild(journal, o.target);
  print(o.json ? json_text(described(r), 1) + "\n" : line(r) + "wrote " + o.target + "\n");
}

class repair_app final : public command {
 public:
  explicit repair_app(command_line& program)
      : command(program, "repair",
                "Make a recording again from its journals, beside the damaged one.") {
    arguments_.add("RUN", options_.damaged, "a run's folder, or one of its recordings")
        .required()
        .type_name("");
    arguments_.add("-o", options_.target, "a new folder, or a new file")
        .required()
        .type_name("NEW");
    arguments_.add_flag("--json", options_.json, "one JSON object on standard output");
  }
  int run() override {
    std::error_code ignored;
    if (std::filesystem::is_directory(options_.damaged, ignored))
      repair_folder(options_);
    else
      repair_recording(options_);
    return 0;
  }

 private:
  repair_options options_;
};

}  // namespace

std::unique_ptr<command> repair_command(command_line& program) {
  return std::make_unique<repair_app>(program);
}

}  // namespace bdh::app
