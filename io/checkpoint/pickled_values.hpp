// The values of a pickle as plain values. Internal to the importer.
#pragma once

#include <cstddef>

#include "io/checkpoint/pickle.hpp"
#include "io/checkpoint/plain_value.hpp"

namespace bdh {

// Containers of a pickle may be shared, or contain themselves; one made from a small file can be
// enormous when every path through it is walked.
class pickled_values {
 public:
  explicit pickled_values(const pickle::document& document) : document_(document) {}

  // With everything inside it, down to 16 levels and at most 2 million values of all calls
  // together; what is beyond that is a value of type plain_value::left_out. Tensors are empty
  // values of type "tensor (4, 8)".
  plain_value plain(pickle::handle h) { return convert(h, 0); }

 private:
  plain_value convert(pickle::handle h, std::size_t depth);
  plain_value instance(const pickle::object& o, std::size_t depth);
  plain_value::list list(const std::vector<pickle::handle>& items, std::size_t depth);
  plain_value::map map(const std::vector<std::pair<pickle::handle, pickle::handle>>& items,
                       std::size_t depth);
  plain_value of_one_argument(const pickle::object& o, plain_value result) const;
  // A number as NumPy pickles it: numpy.core.multiarray.scalar(dtype, bytes). Empty: none.
  plain_value numpy_scalar(const pickle::object& o) const;

  const pickle::document& document_;
  std::size_t made_ = 0;
};

}  // namespace bdh
