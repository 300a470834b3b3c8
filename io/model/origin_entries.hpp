// With what a model was drawn and tuned (provenance::recipe, provenance::tuning), as JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include <bdh/model.hpp>

namespace bdh {

// An object, in their order; a value that a JSON number says exactly is one.
nlohmann::ordered_json entries_json(const std::vector<provenance::entry>& entries);

// The same entries again. Throws input_error naming the member that is neither text nor number.
std::vector<provenance::entry> entries_of(const std::string& json, const std::string& place);

}  // namespace bdh
