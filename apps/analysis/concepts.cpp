// bdh concepts: the synapses and neurons that separate two sets of sentences.
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include <bdh/error.hpp>

#include "apps/analysis/concept_run.hpp"
#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/runs/statistics.hpp"
#include "io/files/atomic_file.hpp"
#include "io/files/json.hpp"

namespace bdh::app {
namespace {

class concepts_app final : public command {
 public:
  explicit concepts_app(command_line& program)
      : command(program, "concepts",
                "Find the synapses, or neurons, that separate two sets of sentences.") {
    command_line& c = arguments_;
    concepts_options& o = options_;
    c.add("MODEL", o.model, "a model, NAME.bdh.h5").required().type_name("");
    c.add("--positive", o.files.positive, "sentences about the concept, one a line")
        .required()
        .type_name("FILE");
    c.add("--negative", o.files.negative, "sentences of the same kind without it, one a line")
        .required()
        .type_name("FILE");
    c.add("--confirm-positive", o.files.confirm_positive,
          "others, that confirm, with --confirm-negative [halves of the two files]")
        .type_name("FILE");
    c.add("--confirm-negative", o.files.confirm_negative, "others of those without it")
        .type_name("FILE");
    c.add_flag("--groups", o.files.groups,
               "lines are GROUP<tab>SENTENCE, a word or frame and a sentence with it: groups that "
               "confirm have no part in the choice");
    c.add_flag("--paired", o.files.paired,
               "line k of one file is matched with line k of the other: differences are tested");
    constexpr auto any = std::numeric_limits<std::uint32_t>::max();
    add_number<layer_id>(c, "--layer", o.layer, {1, any, "an integer >= 1"},
                         "only this layer [all that have any]")
        .type_name("L");
    add_number<head_id>(c, "--head", o.head, {0, any, "an integer >= 0"},
                        "only presynaptic neurons of this head [all]")
        .type_name("H");
    c.add_flag("--neurons", o.neurons,
               "neurons instead of synapses: X and Y, mean over the sentence");
    c.add("--factor", o.factor, "of synapses: y, the paper's Eq. 16, or w, what acts [y]")
        .type_name("F")
        .one_of({"y", "w"});
    measure_ = &c.add("--measure", o.measure,
                      "of synapses: strength, or amplitude, the size of two that turn together, "
                      "which does not depend on how long ago a word was [strength]")
                    .type_name("M")
                    .one_of({"strength", "amplitude"});
    add_number<std::uint64_t>(c, "--carry", o.carry, {1, 100000, "1 to 100000"},
                              "how many of the chosen ones are put to the test [100]");
    add_number<std::uint64_t>(c, "--top", o.top, {1, 100000, "1 to 100000"},
                              "how many to show [10]")
        .type_name("K");
    add_number<std::uint64_t>(c, "--seed", o.seed, any_count, "draws the halves [1]");
    add_number<std::uint64_t>(
        c, "--memory", o.memory, {0, 1u << 30, "0 to 1073741824"},
        "MiB for what the sentences write; above it layers are read one after the other [1024]");
    trace_ = &c.add("--trace", o.trace_file,
                    "the course of those shown over the sentences of FILE [four of those given]")
                  .value_optional()
                  .type_name("[FILE]");
    c.add("-o,--output", o.output, "all that were put to the test, as CSV").type_name("FILE");
    c.add("--trace-output", o.trace_output, "the courses, as CSV").type_name("FILE");
    c.add_flag("--force", o.force, "overwrite the CSV files");
    c.add_flag("--json", o.json, "one JSON object on standard output");
    o.engine.add_to(c, true);
  }

  int run() override {
    concepts_options& o = options_;
    o.files.check();
    if (o.neurons && measure_->given())
      throw usage_error("--measure and --neurons", "only one of them: it is of synapses");
    o.trace = trace_->given() || !o.trace_output.empty();
    for (const std::string* file : {&o.output, &o.trace_output})
      if (!file->empty()) const atomic_file refused_before_the_work(*file, o.force);
    const model m = o.engine.open(o.model);
    simulator brain = o.engine.make(m);
    stop_on_signals();
    try {
      const concept_results r = run_concepts(o, m, brain);
      if (!o.output.empty()) write_text(o.output, as_csv(r));
      if (!o.trace_output.empty()) write_text(o.trace_output, series_as_csv(r));
      if (o.json) {
        print(json_text(as_json(r, o.top), 1) + "\n");
      } else {
        print(as_text(r, o.top));
        note(fmt::format(
            "memory: {} for what the sentences wrote, {} for blocks of pairs, {} at the peak",
            shown_bytes(r.answer.factor_bytes), shown_bytes(r.answer.tile_bytes),
            shown_bytes(peak_memory_bytes())));
      }
    } catch (const stopped&) {
      note("bdh: stopped by a signal, nothing was found yet");
      return 128 + stop_requested();
    }
    return 0;
  }

 private:
  concepts_options options_;
  const option *trace_ = nullptr, *measure_ = nullptr;
};

}  // namespace

std::unique_ptr<command> concepts_command(command_line& program) {
  return std::make_unique<concepts_app>(program);
}

}  // namespace bdh::app
