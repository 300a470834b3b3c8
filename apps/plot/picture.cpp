// bdh plot: pictures as SVG or PNG, each with its data beside it.
#include "apps/plot/picture.hpp"

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/signals.hpp"
#include "apps/plot/run_figures.hpp"
#include "io/model/file_kind.hpp"

namespace bdh::app {

picture_kind::picture_kind(command_line& plot, const std::string& name, const std::string& help,
                           const std::string& subject, const std::string& about)
    : arguments_(plot.add_command(name, help)) {
  command_line& c = arguments_;
  c.add(subject, subject_, about).required().type_name("");
  c.add("-o,--output", target_, "NAME.svg or NAME.png; its data go to NAME.csv")
      .required()
      .type_name("FILE");
  add_number<double>(c, "--width", width_, {200, 8000, "200 to 8000"},
                     "width of the picture in px [720]")
      .type_name("PX");
  add_number<double>(c, "--height", height_, {120, 8000, "120 to 8000"},
                     "height [by what is drawn]")
      .type_name("PX");
  add_number<double>(c, "--scale", scale_, {0.5, 8, "0.5 to 8"}, "pixels of a PNG for each px [2]")
      .type_name("S");
  c.add_flag("--force", force_, "overwrite both files");
}

int picture_kind::run() const {
  const figure::picture_file file(target_, force_, scale_);
  stop_on_signals();
  try {
    figure::picture p = drawn();
    p.what.width = width_.value_or(p.what.width);
    if (height_) p.what.height = height_;
    stop_if_requested();
    file.write(p);
  } catch (const stopped&) {
    note("bdh: stopped by a signal; nothing was written");
    return 128 + stop_requested();
  }
  note("wrote " + target_ + " and " + file.table().string());
  return 0;
}

void add_join(command_line& c, std::string& to, const std::string& help) {
  c.add("--join", to, help + " [largest]").type_name("J").one_of({"largest", "mean"});
}

figure::joined_as joined_of(const std::string& text) {
  return text == "mean" ? figure::joined_as::mean : figure::joined_as::largest;
}

namespace {

using maker = figure::picture (*)(const run_reader&, const figure_choice&);

class run_picture final : public picture_kind {
 public:
  enum needs { plain, raster, synapses };
  run_picture(command_line& plot, const std::string& name, const std::string& help, maker make,
              needs more)
      : picture_kind(plot, name, help, "RUN", "the folder of a run"), make_(make) {
    command_line& c = arguments_;
    add_number<layer_id>(c, "--layer", choice_.layer,
                         {1, std::numeric_limits<layer_id>::max(), "an integer >= 1"},
                         "only this layer [all]")
        .type_name("L");
    if (more == raster) {
      c.add("--neurons", choice_.neurons, "only these, as 5,7-9 or by name [all recorded]")
          .type_name("LIST");
      add_join(c, joined_, "what a cell shows of several tokens: the largest share, or their mean");
    }
    if (more != synapses) return;
    c.add("--synapse", choice_.synapses, "I->J; repeatable [the strongest recorded]")
        .type_name("I->J");
    add_number<std::uint64_t>(c, "--top", choice_.top, {1, 24, "1 to 24"},
                              "so many of the strongest [6]")
        .type_name("K");
    c.add_flag("--by-y", choice_.by_y, "as recorded by `factor y`, the paper's Eq. 16");
    c.add_flag("--amplitude", choice_.amplitude,
               "the size of a synapse and of its rotation partner's, which does not turn");
  }

 private:
  figure::picture drawn() const override {
    if (identify(subject_) == file_kind::model)
      throw input_error(subject_, "a model", "the folder of a run",
                        "the pictures of a model are degree, weights, matrix, modularity, graph");
    figure_choice choice = choice_;
    choice.width = width_or(figure_width);
    choice.joined = joined_of(joined_);
    return make_(run_reader(subject_), choice);
  }

  maker make_;
  figure_choice choice_;
  std::string joined_ = "largest";
};

class plot_app final : public command {
 public:
  explicit plot_app(command_line& program)
      : command(program, "plot", "Draw a picture, as SVG or PNG, with its data as CSV."),
        kinds_(run_pictures(arguments_)) {
    for (auto& kind : trial_pictures(arguments_)) kinds_.push_back(std::move(kind));
    for (auto& kind : model_pictures(arguments_)) kinds_.push_back(std::move(kind));
    arguments_.needs_command();
  }
  int run() override {
    for (const auto& kind : kinds_)
      if (kind->chosen()) return kind->run();
    return 2;
  }

 private:
  std::vector<std::unique_ptr<picture_kind>> kinds_;
};

}  // namespace

std::vector<std::unique_ptr<picture_kind>> run_pictures(command_line& plot) {
  std::vector<std::unique_ptr<picture_kind>> all;
  const auto add = [&](const char* name, const char* help, maker make, run_picture::needs more) {
    all.push_back(std::make_unique<run_picture>(plot, name, help, make, more));
  };
  add("raster", "which neurons are active at which tokens; needs a run with --record events",
      raster_of, run_picture::raster);
  add("rates", "how often neurons are active, and how many at each token", rates_of,
      run_picture::plain);
  add("sparsity", "active share of X and Y by layer, and against the surprisal of the token",
      sparsity_of, run_picture::plain);
  add("synapse", "strengths over the tokens; needs a run with --record synapses:...", synapses_of,
      run_picture::synapses);
  add("spikes", "trains of spikes in ms; needs a run with --record spikes:NEURONS", spikes_of,
      run_picture::plain);
  add("isi", "intervals between spikes, and rates; needs a run with --record spikes:NEURONS",
      intervals_picture, run_picture::plain);
  return all;
}

std::unique_ptr<command> plot_command(command_line& program) {
  return std::make_unique<plot_app>(program);
}

}  // namespace bdh::app
