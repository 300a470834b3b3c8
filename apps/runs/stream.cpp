#include "apps/runs/stream.hpp"

#include <utility>

#include <bdh/error.hpp>

#include "apps/common/signals.hpp"

namespace bdh::app {

stream::stream(std::size_t number, const run_options& o, std::unique_ptr<simulator> brain,
               std::unique_ptr<token_source> input, std::vector<recording_description> recordings)
    : number_(number),
      options_(o),
      brain_(std::move(brain)),
      input_(std::move(input)),
      recorder_(o, *brain_, std::move(recordings)),
      generated_(brain_->model(), token_printer::output::keep),
      prompt_(input_->next()) {
  if (!prompt_ && stop_requested() == 0) throw input_error("input", "no tokens", "at least one");
  recorder_.open(std::nullopt);
}

std::optional<token_id> stream::next() {
  if (stop_requested() != 0) return std::nullopt;
  auto token = prompt_;
  if (!token) {
    if (generated_.tokens().size() == options_.generate) {
      status_ = run_status::complete;
      return std::nullopt;
    }
    token = brain_->choose(sampling_of(options_));
    generated_.write(*token);
  }
  recorder_.before_token();
  return token;
}

void stream::add(const step_report& report) {
  recorder_.add(report, !prompt_);
  if (prompt_) prompt_ = input_->next();
}

void stream::end() {
  generated_.finish();
  recorder_.end(status_);
}

void stream::fail() noexcept {
  status_ = run_status::failed;
  recorder_.fail();
}

}  // namespace bdh::app
