// What must hold among the parts of a model.
#pragma once

#include <optional>

#include <bdh/model.hpp>

namespace bdh {

// Throws shape_error, input_error or unavailable_error naming the part that does not fit the
// others.
void check_model_spec(const model_spec& p);

// The first synapse whose u is not 0 < u <= 1.
std::optional<edge_id> first_no_retention(const array<float>& retention);

}  // namespace bdh
