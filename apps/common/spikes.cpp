#include "apps/common/spikes.hpp"

#include <string>

#include "io/recording/spike_scales_file.hpp"

namespace bdh::app {
namespace {

constexpr range<double> dt_range{1e-6, 1e6, "a number from 1e-6 to 1e6"};

usage_error as_usage(const spike_setting_error& wrong) {
  return usage_error("--" + std::string(wrong.what()));
}

}  // namespace

void spike_choice::add_to(command_line& c) {
  c.add("--spikes", bins,
        "activity travels as spikes, in windows of K bins, 1 to 1024; or K by population: "
        "x=8,y=32[,w=K][,a=K][,hub=K][,sensory=K] [as it is]")
      .type_name("K")
      .check([](const std::string& text) -> std::string {
        try {
          check_bins(text);
        } catch (const spike_setting_error& wrong) {
          return wrong.found() + ", expected " + wrong.expected();
        }
        return {};
      });
  c.add("--spike-scales", scales, "what a spike in every bin stands for: of bdh spike-scales")
      .type_name("FILE");
  c.add("--spike-code", code,
        "bernoulli: a bin has a spike by chance; integrate: spikes as far apart as they can be "
        "[bernoulli]")
      .type_name("CODE")
      .one_of({"bernoulli", "integrate"});
  c.add("--spike-phase", phase,
        "where membranes of integrate begin: random, or half of their threshold [random]")
      .type_name("PHASE")
      .one_of({"random", "half"});
  c.add("--spike-pair", pair,
        "which pairs of spikes write a synapse: those of the same bin (and), or all of a window "
        "[and]")
      .type_name("PAIRS")
      .one_of({"and", "all"});
  c.add_flag("--spike-hubs", hubs, "hubs spike, too");
  add_number<double>(c, "--spike-dt", dt, dt_range, "length of a bin in ms: a label of times [1]")
      .type_name("MS");
}

void spike_choice::check() const {
  try {
    bdh::check(*this);
  } catch (const spike_setting_error& wrong) {
    throw as_usage(wrong);
  }
}

void spike_choice::read_scales(const model& m) {
  if (given() && scales && !known) known = read_spike_scales(*scales, m).scales;
}

std::shared_ptr<const spiking> spike_choice::of(const model& m) const {
  try {
    return spiking_of(*this, m);
  } catch (const spike_setting_error& wrong) {
    throw as_usage(wrong);
  }
}

}  // namespace bdh::app
