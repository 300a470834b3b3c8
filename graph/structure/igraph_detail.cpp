#include "graph/structure/igraph_detail.hpp"

#include <new>
#include <utility>

#include <bdh/error.hpp>

namespace bdh::detail {

std::mutex igraph_session::one_at_a_time;
igraph_session* igraph_session::now = nullptr;

igraph_session::igraph_session(std::uint64_t seed, std::function<void()> interrupt)
    : lock_(one_at_a_time), interrupt_(std::move(interrupt)) {
  if (igraph_rng_init(&generator_, &igraph_rngtype_pcg32) != IGRAPH_SUCCESS) throw std::bad_alloc();
  igraph_rng_seed(&generator_, seed);
#if IGRAPH_VERSION_MAJOR >= 1
  generator_before_ = igraph_rng_set_default(&generator_);
#else
  generator_before_ = *igraph_rng_default();
  igraph_rng_set_default(&generator_);
#endif
  error_before_ = igraph_set_error_handler(on_error);
  warning_before_ = igraph_set_warning_handler(igraph_warning_handler_ignore);
  interruption_before_ = igraph_set_interruption_handler(on_interruption);
  now = this;
}

igraph_session::~igraph_session() {
  now = nullptr;
  igraph_set_interruption_handler(interruption_before_);
  igraph_set_warning_handler(warning_before_);
  igraph_set_error_handler(error_before_);
#if IGRAPH_VERSION_MAJOR >= 1
  igraph_rng_set_default(generator_before_);
#else
  igraph_rng_set_default(&generator_before_);
#endif
  igraph_rng_destroy(&generator_);
}

void igraph_session::check(igraph_error_t code) {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  if (code == IGRAPH_SUCCESS) return;
  if (code == IGRAPH_ENOMEM) throw std::bad_alloc();
  throw input_error("graph", reason_.empty() ? igraph_strerror(code) : reason_,
                    "a graph that igraph can work on");
}

void igraph_session::on_error(const char* reason, const char*, int, igraph_error_t) {
  IGRAPH_FINALLY_FREE();
  if (now) now->reason_ = reason;
}

bool igraph_session::is_interrupted() {
  if (!interrupt_) return false;
  try {
    interrupt_();
    return false;
  } catch (...) {  // no exception may pass through C
    thrown_ = std::current_exception();
    IGRAPH_FINALLY_FREE();
    return true;
  }
}

#if IGRAPH_VERSION_MAJOR >= 1
igraph_bool_t igraph_session::on_interruption() { return now && now->is_interrupted(); }
#else
igraph_error_t igraph_session::on_interruption(void*) {
  return now && now->is_interrupted() ? IGRAPH_INTERRUPTED : IGRAPH_SUCCESS;
}
#endif

}  // namespace bdh::detail
