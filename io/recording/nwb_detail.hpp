// The writers of the parts of an NWB file (io/recording/nwb.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/hdf5/file.hpp"
#include "io/recording/run_reader.hpp"

namespace bdh::nwb {

inline constexpr double seconds_per_token = 0.001;
inline constexpr std::uint64_t rows_at_once = 1024;

// Gives objects their types, and names that are the same whenever the run is exported.
class object_types {
 public:
  explicit object_types(std::string identity) : identity_(std::move(identity)) {}

  const std::string& identity() const noexcept { return identity_; }
  void set(hdf5::object& o, const char* space, const char* type) const;
  void set_column(hdf5::object& o, const char* description) const;
  void set_index(hdf5::object& o, const char* description, const char* target) const;
  // A time series; the caller makes its data.
  hdf5::group create_series(hdf5::group& in, const char* name, const char* type,
                            const std::string& description) const;

 private:
  std::string identity_;
};

// What all writers need. `after_row`: after each row that is read; may throw, to stop.
struct context {
  const run_reader& run;
  const object_types& types;
  const std::function<void()>& after_row;
};

// /units: the events of X and Y, a row for each neuron that was ever active.
class unit_writer {
 public:
  unit_writer(const context& c, hdf5::group& root);
  ~unit_writer();

  void add(recording_reader& events);
  void close();

  std::uint64_t units() const noexcept { return units_; }
  std::uint64_t events() const noexcept { return events_; }

 private:
  struct table;  // its columns, which grow neuron by neuron
  void add_neurons(recording_reader& from, const std::vector<std::uint64_t>& count, neuron_id first,
                   neuron_id last, std::uint64_t held);

  const context& context_;
  hdf5::group& root_;
  std::unique_ptr<table> table_;  // from the first event on
  std::uint64_t units_ = 0, events_ = 0;
};

// /acquisition and /stimulus: what was read and recorded, row by row.
class acquisition_writer {
 public:
  acquisition_writer(const context& c, hdf5::group acquisition, hdf5::group presentation)
      : context_(c), acquisition_(std::move(acquisition)), presentation_(std::move(presentation)) {}

  void add_tokens();
  void add_summary();
  void add_frames(recording_reader& frames, const std::string& name);  // of logits, too

 private:
  void add_times(hdf5::group& series, std::uint64_t count) const;

  const context& context_;
  hdf5::group acquisition_, presentation_;
};

// /analysis: whose values the columns of frames are.
class column_writer {
 public:
  column_writer(const context& c, hdf5::group analysis)
      : context_(c), analysis_(std::move(analysis)) {}

  void add(const recording_description& frames, const std::string& name);

 private:
  const context& context_;
  hdf5::group analysis_;
};

}  // namespace bdh::nwb
