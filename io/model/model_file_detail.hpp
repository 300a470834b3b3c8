// What the sources of bdh/model_file.hpp share. Internal to them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <bdh/model.hpp>

#include "io/hdf5/file.hpp"

namespace bdh {

// A projection in the file: its name there, whatever it is called in memory.
struct stored_projection {
  const char* name;
  const char* source;
  const char* target;
  major rows;
  int sign = 1;           // of the circuit; hub weights have their own signs
  bool optional = false;  // absent where it has no edges
  projection hub_circuits::*of_hubs = nullptr;
  projection direct_circuits::*of_direct = nullptr;  // exactly one of the two is set

  // Weights of explicit edges have no sign of their own, those of the readout and of hubs do.
  bool positive() const { return of_direct != nullptr && of_direct != &direct_circuits::readout; }
  const projection& in(const model& m) const {
    return of_hubs ? m.circuits().*of_hubs : m.direct().*of_direct;
  }
};

// Those that a file of this model has, in the order in which they are hashed.
std::vector<stored_projection> projections_of(const model& m);

// Another name of a projection in messages of the model's constructor: "e" of the pool is pool_e in
// the file.
const char* name_in_file(std::string_view name, bool direct) noexcept;

void write_projections(hdf5::group& projections, const model& m);

// Fills in circuits and, where the file has gs, the direct ones. No population has more members
// than the file has `bytes`. `weights`: of explicit edges in a file that is mapped.
void read_projections(const hdf5::group& root, std::uint64_t bytes, validation weights,
                      model_spec& to);

// Throws input_error naming the attribute.
void expect_text(const hdf5::object& o, const char* attribute, const char* expected);

const char* name(major o) noexcept;

}  // namespace bdh
