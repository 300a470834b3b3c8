// Streams of tokens side by side on any device: the bits of each alone.
#include "core/model/direct_form.hpp"
#include "device/scale_free.hpp"
#include "device/stream_support.hpp"

using tests::hub_model;
using tests::item_order;
using tests::streams;

TEST_CASE("streams that come and go: the bits of each alone") {
  const bdh::model hubs = hub_model(), direct = bdh::as_direct(hubs).graph,
                   tailed = tests::scale_free({.neurons = 1500});
  for (const bdh::model* m : {&hubs, &direct, &tailed})
    for (const auto order :
         {item_order::ascending, item_order::descending, item_order::scattered}) {
      streams all(*m, tests::fresh_device(order), 5);
      for (bdh::token_id t = 0; t < 3; ++t) all.read(t, {0, 1, 2, 3, 4});
      all.read(3, {3, 1});
      all.read(1, {2});
      all.read(4, {4, 2, 0});
      all.all[2]->clear_synapses();
      all.alone[2]->clear_synapses();
      all.read(2, {0, 1, 2, 3, 4});
      all.all[1]->restore(all.alone[3]->save());
      all.alone[1]->restore(all.all[3]->save());
      all.read(5, {0, 1, 2, 3, 4});
      all.check();
    }
}

TEST_CASE("streams with an observer or an intervention go on by themselves, among the others") {
  const bdh::model hubs = hub_model(), direct = bdh::as_direct(hubs).graph;
  for (const bdh::model* m : {&hubs, &direct}) {
    streams all(*m, tests::fresh_device(item_order::ascending), 4);
    all.read(1, {0, 1, 2, 3});
    for (auto* some : {&all.all, &all.alone}) {
      (*some)[1]->interventions().add(bdh::parse_intervention(*m, "stimulate x:1-5 0.1 from 1"));
      (*some)[2]->interventions().add(bdh::parse_intervention(
          *m, m->is_direct() ? "lesion synapses:3->4 at 2" : "silence x:7 at 2"));
    }
    for (bdh::token_id t = 2; t < 5; ++t) all.read(t, {0, 1, 2, 3});
    for (auto* some : {&all.all, &all.alone}) (*some)[3]->probes().add({{3, 5}, 2});
    for (bdh::token_id t = 5; t < 8; ++t) all.read(t, {0, 1, 2, 3});
    all.check();
  }
}
