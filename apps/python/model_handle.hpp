// A model as Python holds it: shared with simulators, states and views of its arrays.
#pragma once

#include <memory>
#include <string>

#include <bdh/model.hpp>

#include "io/text/vocabulary.hpp"

namespace bdh::python {

struct model_handle {
  std::shared_ptr<const model> is;
  std::shared_ptr<const vocabulary> words;  // null: tokens are ids only

  explicit model_handle(model m);

  std::string text_of(token_id token) const { return words ? words->text_of(token) : ""; }
};

}  // namespace bdh::python
