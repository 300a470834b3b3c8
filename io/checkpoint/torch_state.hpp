// The state dictionary inside what torch.save was given, and what stands beside it. Internal to the
// importer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/checkpoint/pickle.hpp"
#include "io/checkpoint/pickled_values.hpp"
#include "io/checkpoint/plain_value.hpp"

namespace bdh {

class torch_state {
 public:
  // Throws input_error at `place`: no state dictionary, several, tensors in containers inside it.
  torch_state(const pickle::document& document, const std::string& place);

  // In the file's order.
  const std::vector<std::pair<std::string, const pickle::tensor*>>& tensors() const noexcept {
    return tensors_;
  }
  // Everything else; the name of what lies in an outer dictionary that is not the outermost is
  // "NAME of 'model'".
  std::vector<beside_value> beside() && { return std::move(beside_); }

 private:
  const pickle::dictionary& dictionary() const;
  std::optional<pickle::handle> wrapped();
  bool wraps_tensors(pickle::handle h);
  bool holds_tensors(pickle::handle h);    // as its own values
  bool holds_tensor(pickle::handle from);  // anywhere inside
  void add_beside(pickle::handle key, pickle::handle value, const std::string& where);
  void read_state();
  void add_attributes(const std::string& name, const pickle::tensor& t);
  std::string name_of(pickle::handle key) const;

  const pickle::document& document_;
  const std::string& place_;
  pickled_values values_;
  pickle::handle handle_ = 0;
  // Values that were looked into for tensors: a hostile file may share them a million times.
  std::vector<bool> visited_;
  enum answer : std::uint8_t { unknown, no, yes };
  std::vector<answer> of_tensors_;
  std::vector<std::pair<std::string, const pickle::tensor*>> tensors_;
  std::vector<beside_value> beside_;
};

}  // namespace bdh
