#include "graph/structure/power_law_fit.hpp"

#include "graph/structure/igraph_detail.hpp"

namespace bdh {

power_law_fit fit_power_law(const std::vector<std::uint32_t>& values,
                            const std::function<void()>& interrupt) {
  detail::igraph_session session(0, interrupt);
  detail::igraph_reals x(session, static_cast<igraph_integer_t>(values.size()));
  for (std::size_t i = 0; i < values.size(); ++i) x[static_cast<igraph_integer_t>(i)] = values[i];
  igraph_plfit_result_t found;
  session.check(igraph_power_law_fit(&x, &found, -1, false));
  return {found.alpha, found.xmin, found.D};
}

}  // namespace bdh
