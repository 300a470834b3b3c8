#include "gpu/engine/token_work.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include <bdh/gpu_engine.hpp>
#include <bdh/simulator.hpp>

#include "gpu/engine/counting_device.hpp"
#include "gpu/engine/program_work.hpp"

namespace bdh::gpu {
namespace {

constexpr double sector = 32;

// Three tokens: the first two record, and replay for the first time.
void read_tokens(const model& m, const std::shared_ptr<counting_device>& on) {
  simulator brain(m, gpu_engine(m, on), {.surprisals = false});
  for (int t = 0; t < 3; ++t) {
    on->forget();
    brain.step(0);
  }
}

}  // namespace

double touched_array::sectors() const {
  if (element == 0) return bytes;
  // A sector stays where it is if none of its elements is used.
  const double share = std::min(1.0, bytes / std::max(bytes, spread_over));
  const double in_sector = std::max(1.0, sector / element);
  const double hit =
      spread_over / std::min(sector, element * in_sector) * (1 - std::pow(1 - share, in_sector));
  return std::max(bytes, hit * std::max(sector, element));
}

double launch_work::bytes() const {
  double sum = 0;
  for (const touched_array& a : arrays) sum += a.bytes;
  return sum;
}

double token_work::launches() const {
  double sum = 0;
  for (const launch_work& l : all) sum += l.launches;
  return sum;
}

double token_work::bytes() const {
  double sum = 0;
  for (const launch_work& l : all) sum += l.bytes();
  return sum;
}

operations operations_of_token(const model& m) {
  const auto on = std::make_shared<counting_device>();
  read_tokens(m, on);
  return on->done();
}

token_work work_of_token(const model& m, const expected_activity& activity) {
  const auto on = std::make_shared<counting_device>();
  read_tokens(m, on);
  token_work work{.all = {},
                  .copies = on->copies(),
                  .uploaded = on->uploaded(),
                  .downloaded = on->downloaded()};
  program_accounts accounts(*on, activity);
  for (const operation& o : on->done()) work.all.push_back(accounts.of(o));
  return work;
}

}  // namespace bdh::gpu
