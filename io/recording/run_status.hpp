// How far a run has come, as run.json says it.
#pragma once

#include <string_view>

namespace bdh {

enum class run_status { running, complete, interrupted, failed, unknown };

const char* name(run_status s) noexcept;                   // "complete"; as in run.json
run_status run_status_named(std::string_view s) noexcept;  // unknown where it is none of these

}  // namespace bdh
