#include "apps/models/write_model.hpp"

#include <fmt/format.h>

#include <bdh/model_file.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "io/files/atomic_file.hpp"

namespace bdh::app {

int write_model(const std::string& target, bool force, const std::function<made_model()>& make) {
  stop_on_signals();
  { const atomic_file whole(target, force); }  // refuses before the work, not after it
  try {
    const made_model made = make();
    stop_if_requested();
    const std::string hash = save_model(made.result, target, force);
    print(made.summary + fmt::format("wrote {} ({:.12})\n", target, hash));
    return 0;
  } catch (const stopped&) {
    note("bdh: stopped by a signal, nothing was written");
    return 128 + stop_requested();
  }
}

}  // namespace bdh::app
