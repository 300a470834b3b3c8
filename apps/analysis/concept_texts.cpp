#include "apps/analysis/concept_texts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include <bdh/error.hpp>

#include "apps/common/options.hpp"

namespace bdh::app {
namespace {

// Reads the files of one set after the other, and numbers groups in the order in which they come.
class text_reader {
 public:
  text_reader(const concept_files& files, const model& m) : files_(files), model_(m) {}

  // The numbers of the texts of a file.
  std::vector<std::size_t> add(const std::string& file, bool confirms) {
    std::vector<std::string> names;
    std::vector<std::size_t> numbers;
    std::vector<sentence> read = read_sentences(file, model_, files_.groups ? &names : nullptr);
    for (std::size_t k = 0; k < read.size(); ++k) {
      numbers.push_back(made_.texts.size());
      if (files_.groups) {
        const auto [at, is_new] = groups_.try_emplace(names[k], groups_.size(), confirms);
        // A group may stand in both sets; but not on both sides of the choice.
        if (at->second.second != confirms)
          throw input_error(read[k].place, "group '" + names[k] + "', which chooses",
                            "a group that has no part in the choice");
        made_.design.group.push_back(at->second.first);
      }
      made_.texts.push_back(std::move(read[k]));
    }
    return numbers;
  }

  concept_texts read(std::uint64_t seed) {
    made_.design.paired = files_.paired;
    const auto both = [&](const std::string& first, const std::string& second,
                          std::vector<std::size_t> text_sets::*half) {
      made_.split.choose.*half = add(first, false);
      if (!second.empty()) made_.split.confirm.*half = add(second, true);
    };
    both(files_.positive, files_.confirm_positive, &text_sets::positive);
    made_.positives = made_.texts.size();
    both(files_.negative, files_.confirm_negative, &text_sets::negative);
    if (files_.paired) expect_pairs();
    if (files_.confirm_positive.empty())
      made_.split =
          split_texts(made_.positives, made_.texts.size() - made_.positives, seed, made_.design);
    return std::move(made_);
  }

 private:
  void expect_pairs() const {
    for (const text_sets* sets : {&made_.split.choose, &made_.split.confirm})
      if (sets->positive.size() != sets->negative.size())
        throw input_error(
            sets == &made_.split.choose ? files_.negative : files_.confirm_negative,
            fmt::format("{} sentences", sets->negative.size()),
            fmt::format("{}, one for each of the positive ones", sets->positive.size()));
  }

  const concept_files& files_;
  const model& model_;
  concept_texts made_;
  std::map<std::string, std::pair<std::size_t, bool>> groups_;
};

}  // namespace

void concept_files::check() const {
  if (confirm_positive.empty() != confirm_negative.empty())
    throw usage_error("--confirm-positive and --confirm-negative", "stand together");
  if (groups && paired)
    throw usage_error("--groups",
                      "contradicts --paired: the groups of the two sets are compared by their "
                      "means, not in pairs; pairs with words that do not choose: --paired with "
                      "--confirm-positive and --confirm-negative");
}

concept_texts read_concept_texts(const concept_files& files, const model& m, std::uint64_t seed) {
  return text_reader(files, m).read(seed);
}

}  // namespace bdh::app
