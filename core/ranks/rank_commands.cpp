#include "core/ranks/rank_commands.hpp"

namespace bdh {
namespace {

// f(list) for every list of a layer's controls, constant or not.
template <class Controls, class F>
void for_lists(Controls& l, F f) {
  for (auto* list : {&l.add_x, &l.add_y, &l.hold_x, &l.hold_y}) f(*list);
  for (auto* list : {&l.mute_gx_excitatory, &l.mute_gx_inhibitory, &l.mute_gy_excitatory,
                     &l.mute_gy_inhibitory, &l.mute_synapses})
    f(*list);
  for (auto* list : {&l.cut_gx, &l.cut_synapses}) f(*list);
}

void put(byte_writer& to, const spiking& how) {
  to.put(how.code);
  to.put(how.half_phase);
  to.put(how.pairing);
  for (const spiking::population& p : how.populations) {
    to.put(p.bins);
    to.put_list(std::span<const float>(p.scales));
  }
  to.put_list(std::span<const neuron_id>(how.numbers));
}

spiking get_spiking(byte_reader& from) {
  spiking how;
  how.code = from.get<spike_code>();
  how.half_phase = from.get<bool>();
  how.pairing = from.get<spike_pairing>();
  for (spiking::population& p : how.populations) {
    p.bins = from.get<std::uint32_t>();
    p.scales = from.get_list<float>();
  }
  how.numbers = from.get_list<neuron_id>();
  return how;
}

}  // namespace

void read_as(const engine& work, reading how, variable v, std::span<float> out) {
  if (how == reading::sent) return work.read_sent(v, out);
  if (how == reading::emitted) return work.read_emitted(v, out);
  work.read(v, out);
}

void put(byte_writer& to, const rank_job& job) {
  to.put_text(job.model_file);
  to.put_text(job.content_sha256);
  to.put_text(job.instructions);
  to.put(job.retention.has_value());
  to.put(job.retention.value_or(0.0));
  to.put(job.bfloat16_weights);
  to.put(job.bfloat16_synapses);
  to.put(job.sites);
  to.put(job.spikes != nullptr);
  if (job.spikes) put(to, *job.spikes);
}

rank_job get_job(byte_reader& from) {
  rank_job job;
  job.model_file = from.get_text();
  job.content_sha256 = from.get_text();
  job.instructions = from.get_text();
  const bool given = from.get<bool>();
  const auto retention = from.get<double>();
  if (given) job.retention = retention;
  job.bfloat16_weights = from.get<bool>();
  job.bfloat16_synapses = from.get<bool>();
  job.sites = from.get<std::uint32_t>();
  if (from.get<bool>()) job.spikes = std::make_shared<const spiking>(get_spiking(from));
  return job;
}

void put(byte_writer& to, const part_command& part) {
  to.put(part.layer);
  to.put(part.what);
  to.put(part.first);
  to.put(part.count);
  to.put(part.real);
  to.put(part.of_all);
}

part_command get_part(byte_reader& from) {
  part_command part;
  part.layer = from.get<layer_id>();
  part.what = from.get<variable>();
  part.first = from.get<std::uint64_t>();
  part.count = from.get<std::uint64_t>();
  part.real = from.get<std::uint8_t>();
  part.of_all = from.get<std::uint8_t>();
  return part;
}

void put_stored(byte_writer& to, const rank_shares& shares, rank_id of, edge_id synapse,
                const stored_synapse& stored) {
  if (shares.has_end(of, synapse)) {
    to.put(stored.strength);
    to.put(stored.partner);
  }
  if (shares.has_begin(of, synapse)) to.put(stored.last_used);
}

void get_stored(byte_reader& from, const rank_shares& shares, rank_id of, edge_id synapse,
                stored_synapse& stored) {
  if (shares.has_end(of, synapse)) {
    stored.strength = from.get<float>();
    stored.partner = from.get<float>();
  }
  if (shares.has_begin(of, synapse)) stored.last_used = from.get<std::uint64_t>();
}

void put(byte_writer& to, const rank_answer& answer) {
  to.put(answer.failed);
  to.put_text(answer.host);
  to.put_text(answer.message);
}

rank_answer get_answer(byte_reader& from) {
  rank_answer answer;
  answer.failed = from.get<std::uint8_t>();
  answer.host = from.get_text();
  answer.message = from.get_text();
  return answer;
}

void put(byte_writer& to, const rank_usage& usage) {
  to.put_text(usage.host);
  to.put(usage.peak_memory);
  to.put(usage.exchanges);
  to.put(usage.bytes_sent);
  to.put(usage.seconds_waiting);
}

rank_usage get_usage(byte_reader& from) {
  rank_usage usage;
  usage.host = from.get_text();
  usage.peak_memory = from.get<std::uint64_t>();
  usage.exchanges = from.get<std::uint64_t>();
  usage.bytes_sent = from.get<std::uint64_t>();
  usage.seconds_waiting = from.get<double>();
  return usage;
}

void put(byte_writer& to, const applied_controls& controls) {
  to.put(static_cast<std::uint64_t>(controls.layers.size()));
  for (const layer_controls& l : controls.layers) {
    to.put(l.frozen);
    to.put(l.inhibition);
    for_lists(l,
              [&]<class T>(const std::vector<T>& list) { to.put_list(std::span<const T>(list)); });
  }
  to.put_list(std::span<const neuron_id>(controls.removed));
}

applied_controls get_controls(byte_reader& from) {
  applied_controls controls;
  controls.layers.resize(from.get<std::uint64_t>());
  for (layer_controls& l : controls.layers) {
    l.frozen = from.get<bool>();
    l.inhibition = from.get<float>();
    for_lists(l, [&]<class T>(std::vector<T>& list) { list = from.get_list<T>(); });
  }
  controls.removed = from.get_list<neuron_id>();
  return controls;
}

}  // namespace bdh
