// The datasets of a state file: kept variables, written and read part by part, and probes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <bdh/model.hpp>
#include <bdh/probe.hpp>
#include <bdh/state.hpp>

#include "io/hdf5/file.hpp"

namespace bdh {

inline constexpr std::uint64_t newest_state_version = 2;
std::uint64_t state_version(const hdf5::group& root);  // throws unavailable_error: a newer one
std::uint64_t clock_of(const hdf5::group& layer, std::uint64_t version);

void write_probes(hdf5::group to, const std::vector<probe_record>& probes);
std::vector<probe_record> read_probes(const hdf5::group& from);

// Where a part goes, or comes from: parts follow each other in the order of the file
// (for_kept_parts).
class kept_datasets {
 protected:
  kept_datasets(const model& m, std::uint64_t version)
      : m_(m), version_(version), list_(variables_of(m)) {}
  hdf5::extents shape_of(const variable_info& v) const;
  // The first row of a part.
  std::uint64_t row_of(const variable_info& v, const kept_part& part) const;
  bool begins_group(layer_id layer) noexcept;  // with the next dataset

  const model& m_;
  const std::uint64_t version_;
  const std::vector<variable_info> list_;
  hdf5::group group_;
  hdf5::dataset set_;

 private:
  layer_id layer_ = 0;
  bool in_group_ = false;
};

class variable_writer : kept_datasets {
 public:
  variable_writer(hdf5::group& root, const model& m);
  void add(layer_id layer, const kept_part& part);

 private:
  void begin(layer_id layer, const variable_info& v);

  hdf5::group& root_;
  hdf5::group layers_;
};

class variable_reader : kept_datasets {
 public:
  // Throws input_error for members that a state of the model does not have.
  variable_reader(const hdf5::group& root, const model& m, std::uint64_t version);
  void fill(layer_id layer, const kept_part& part);

 private:
  void begin(layer_id layer, const variable_info& v);

  const hdf5::group& root_;
  const hdf5::group layers_;
};

}  // namespace bdh
