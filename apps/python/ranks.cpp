#include "apps/python/ranks.hpp"

#include <nanobind/stl/string.h>

#include <bdh/error.hpp>
#include <bdh/model.hpp>

#include "apps/python/module.hpp"
#include "apps/ranks/job_sites.hpp"
#include "core/ranks/rank_exchange.hpp"
#include "core/ranks/rank_server.hpp"
#include "io/mpi/mpi_ranks.hpp"

namespace bdh::python {
namespace {

std::shared_ptr<ranks> joined;

// Rank and number of ranks. The others return when rank 0 has left.
nanobind::tuple join_ranks() {
  if (!joined) joined = mpi_ranks();
  const auto of = nanobind::make_tuple(joined->rank(), joined->size());
  if (joined->size() == 1) joined.reset();
  if (!joined || joined->rank() == 0) return of;
  nanobind::gil_scoped_release free;
  try {
    serve(joined, {.open = open_job, .make = make_sites});
  } catch (const std::exception&) {
    end_mpi_ranks(3);
  }
  joined.reset();
  return of;
}

void leave_ranks() {
  if (!joined) return;
  nanobind::gil_scoped_release free;
  end_ranks(*joined);
  joined.reset();
}

}  // namespace

std::shared_ptr<ranks> together() noexcept { return joined; }

std::unique_ptr<engine> engine_of_ranks(const model& m, rank_job job) {
  if (job.model_file.empty())
    throw unavailable_error("Simulator", "a model that has no file, on several ranks",
                            "a saved one, which every rank loads", "model.save(path)");
  job.content_sha256 = m.content_sha256();
  job.bfloat16_weights = m.is_bfloat16();
  return ranked_engine(m, job, joined, make_sites);
}

void add_ranks(simulator_options& to, site_id sites) {
  to.mail = std::make_shared<rank_exchange>(joined, rank_sites{joined->size(), sites});
  to.totals = std::make_shared<rank_reduction>(joined);
}

void add_ranks(nanobind::module_& m) {
  m.def("join_ranks", join_ranks);
  m.def("leave_ranks", leave_ranks);
}

}  // namespace bdh::python
