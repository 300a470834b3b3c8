// The text of an intervention (bdh/intervention.hpp), taken apart without the model to which its
// neurons belong: by parse_intervention(), and by pictures of runs whose model may be gone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <bdh/intervention.hpp>

namespace bdh {

struct intervention_text {
  intervention parsed;       // all but what it is on, its neurons or pairs, and its layers
  std::string_view subject;  // "x:5-9", a part of the text; empty: everything
  std::string_view layers;   // "1-2,4"; empty: all
  std::string what, times;   // the text without its positions, and these
};

// `now`: the position from which it holds where the text says nothing. `resolve`, where there is
// one, gets the intervention and its subject before values and limits are read, so that a name
// without its quotes is what a message is about. Throws input_error for what is no intervention.
intervention_text read_intervention(
    std::string_view text, std::uint64_t now,
    const std::function<void(intervention&, std::string_view subject)>& resolve = {});

// "0,50,100". Throws input_error at `place` unless they ascend.
std::vector<std::uint64_t> positions_in(const std::string& place, std::string_view list);

const char* word_of(intervention_kind what) noexcept;   // "lesion"
const char* usage_of(intervention_kind what) noexcept;  // "silence x:NEURONS or y:NEURONS"

}  // namespace bdh
