#include "apps/common/terminal_plot.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace bdh::app {
namespace {

constexpr int height = 6;              // rows of a panel
constexpr std::size_t margin = 12;     // columns left of the bars
constexpr std::size_t tick_step = 10;  // columns between positions

struct scale {
  int up = height, down = 0;   // rows above and below 0
  double most = 0, least = 0;  // of all values, and 0
  double row = 1;              // the value that one row stands for
};

scale scale_of(const std::vector<double>& values) {
  scale s;
  for (double v : values)
    if (std::isfinite(v)) {
      s.most = std::max(s.most, v);
      s.least = std::min(s.least, v);
    }
  if (s.least < 0) {
    const double share = s.most / (s.most - s.least);
    s.up =
        s.most == 0 ? 0 : std::clamp(static_cast<int>(std::lround(share * height)), 1, height - 1);
    s.down = height - s.up;
  }
  s.row = std::max(s.up > 0 ? s.most / s.up : 0, s.down > 0 ? -s.least / s.down : 0);
  if (s.row == 0) s.row = 1;
  return s;
}

// What of a bar lies in row `row`, counted from 0 on either side of the zero line.
const char* upper_cell(double value, int row, const scale& s) {
  static constexpr const char* eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (std::isnan(value)) return row == 0 ? "?" : " ";
  const int filled = static_cast<int>(std::lround(std::clamp(value / s.row - row, 0.0, 1.0) * 8));
  return eighths[value > 0 && row == 0 ? std::max(filled, 1) : filled];
}
const char* lower_cell(double value, int row, const scale& s) {
  if (std::isnan(value)) return row == 0 && s.up == 0 ? "?" : " ";
  const double filled = std::clamp(-value / s.row - row, 0.0, 1.0);
  if (filled >= 0.75) return "█";
  if (filled >= 0.25) return "▀";
  return value < 0 && row == 0 ? "▔" : " ";
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string all;
  for (std::size_t k = 0; k < times; ++k) all += text;
  return all;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Characters, not bytes.
std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

class panel {
 public:
  panel(const token_plot& plot, const scale& s, std::size_t cell, std::size_t first,
        std::size_t last)
      : plot_(plot),
        s_(s),
        cell_(cell),
        bar_(cell == 1 ? 1 : cell - 1),
        first_(first),
        last_(last) {}

  std::string text() const {
    std::string all;
    for (int row = s_.up; row-- > 0;)
      all += line(row == s_.up - 1 ? fmt::format("{:.3g}", s_.most) : "", row, upper_cell);
    for (int row = 0; row < s_.down; ++row)
      all += line(row == s_.down - 1 ? fmt::format("{:.3g}", s_.least) : "", row, lower_cell);
    return all + labels() + ticks();
  }

 private:
  template <class Cell>
  std::string line(const std::string& mark, int row, Cell cell) const {
    std::string text = fmt::format("{:>{}} {} ", mark, margin - 3, mark.empty() ? "│" : "┤");
    for (std::size_t k = first_; k < last_; ++k)
      text += repeated(cell(plot_.values[k], row, s_), bar_) + std::string(cell_ - bar_, ' ');
    return trimmed(text);
  }
  std::string labels() const {
    std::string text(margin, ' ');
    for (std::size_t k = first_; k < last_; ++k)
      text += plot_.labels[k] + std::string(cell_ - length(plot_.labels[k]), ' ');
    return trimmed(text);
  }
  std::string ticks() const {
    std::string text(margin, ' ');
    for (std::size_t k = first_; k < last_; ++k) {
      const std::size_t column = margin + (k - first_) * cell_;
      if ((k - first_) * cell_ % tick_step >= cell_ || (k != first_ && text.size() >= column))
        continue;
      text.resize(column, ' ');
      text += std::to_string(plot_.positions[k]);
    }
    return trimmed(text);
  }

  const token_plot& plot_;
  const scale& s_;
  std::size_t cell_, bar_, first_, last_;
};

}  // namespace

std::string drawn(const token_plot& plot, std::size_t width) {
  std::size_t longest = 1;
  for (const std::string& label : plot.labels) longest = std::max(longest, length(label));
  const std::size_t cell = longest == 1 ? 1 : longest + 1,
                    columns =
                        std::max<std::size_t>(1, (std::max(width, margin + 1) - margin) / cell);
  const scale s = scale_of(plot.values);
  std::string text;
  for (std::size_t first = 0; first < plot.values.size(); first += columns)
    text += panel(plot, s, cell, first, std::min(first + columns, plot.values.size())).text();
  return text;
}

std::string token_label(const std::string& text, std::uint32_t token) {
  if (text.empty()) return std::to_string(token);
  if (text == "\\n") return "↵";
  if (text == "\\t") return "→";
  if (text == "\\\\") return "\\";
  return text.size() == 1 && text[0] >= ' ' && text[0] <= '~' ? text : "·";
}

std::size_t output_width() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  return known ? size.ws_col : 100;
}

}  // namespace bdh::app
