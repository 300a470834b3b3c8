// What must hold among the parts of a model. Internal to its constructor.
#pragma once

#include <bdh/model.hpp>

namespace bdh {

// Throws shape_error, input_error or unavailable_error naming the part that does not fit the
// others.
void check_model_spec(const model_spec& p);

}  // namespace bdh
