#include "apps/analysis/concept_courses.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "apps/common/signals.hpp"

namespace bdh::app {
namespace {

// The sentences to follow: of a file, or the first two of each set that were not chosen by.
std::vector<sentence> followed_sentences(const std::string& file, const concept_results& r) {
  if (!file.empty()) return read_sentences(file, *r.subject);
  std::vector<sentence> all;
  for (const auto* set : {&r.question.split.confirm.positive, &r.question.split.confirm.negative})
    for (std::size_t k = 0; k < std::min<std::size_t>(2, set->size()); ++k)
      all.push_back(r.texts[(*set)[k]]);
  return all;
}

// X or Y of the findings, taken while a token is read.
class followed_neurons {
 public:
  followed_neurons(simulator& brain, const concept_results& r)
      : brain_(brain), values_(brain.model().neurons()), row_(r.traced_findings) {
    observing_ = brain.observe(
        [this, &r](layer_id layer, moment at) {
          if (at != moment::synapses_written && at != moment::y_ready) return;
          brain_.read(at == moment::y_ready ? variable::y : variable::x, values_);
          for (std::size_t k = 0; k < row_.size(); ++k)
            if (const separation& s = r.answer.findings[k].what;
                s.layer == layer && s.of_y == (at == moment::y_ready))
              row_[k] = values_[s.pair.pre];
        },
        observation::activity);
  }
  followed_neurons(const followed_neurons&) = delete;
  followed_neurons& operator=(const followed_neurons&) = delete;
  ~followed_neurons() { brain_.stop_observing(observing_); }

  void add_to(concept_series& to) const { to.values.push_back(row_); }

 private:
  simulator& brain_;
  std::vector<float> values_;
  std::vector<double> row_;
  int observing_ = 0;
};

// Strengths of the findings, and amplitudes where the model rotates, from probes.
class followed_synapses {
 public:
  followed_synapses(simulator& brain, const concept_results& r)
      : brain_(brain), rotates_(brain.model().rotation().present()) {
    for (std::size_t k = 0; k < r.traced_findings; ++k) {
      const separation& s = r.answer.findings[k].what;
      own_.push_back(brain.probes().add({s.pair, s.layer, r.question.factor}));
      if (rotates_)
        partner_.push_back(
            brain.probes().add({{s.pair.pre ^ 1, s.pair.post}, s.layer, r.question.factor}));
    }
  }

  void add_to(concept_series& to) const {
    std::vector<double> strengths, amplitudes;
    for (std::size_t k = 0; k < own_.size(); ++k) {
      strengths.push_back(brain_.probes().strength(own_[k]));
      if (rotates_)
        amplitudes.push_back(both(strengths.back(), brain_.probes().strength(partner_[k])));
    }
    to.values.push_back(std::move(strengths));
    if (rotates_) to.amplitudes.push_back(std::move(amplitudes));
  }

 private:
  static double both(double a, double b) { return std::sqrt(a * a + b * b); }

  simulator& brain_;
  bool rotates_;
  std::vector<std::size_t> own_, partner_;  // probes
};

template <class Followed>
void read_sentences_of(const Followed& followed, simulator& brain, concept_results& r) {
  for (std::size_t text = 0; text < r.traced.size(); ++text) {
    concept_series& one = r.series.emplace_back();
    one.text = text;
    brain.clear_synapses();
    for (token_id t : r.traced[text].tokens) {
      stop_if_requested();
      brain.step(t);
      followed.add_to(one);
    }
  }
}

}  // namespace

void follow_courses(const std::string& file, std::size_t top, simulator& brain,
                    concept_results& r) {
  r.traced_findings = std::min(top, r.answer.findings.size());
  if (r.traced_findings == 0) return;
  r.traced = followed_sentences(file, r);
  if (r.question.of_neurons)
    read_sentences_of(followed_neurons(brain, r), brain, r);
  else
    read_sentences_of(followed_synapses(brain, r), brain, r);
}

}  // namespace bdh::app
