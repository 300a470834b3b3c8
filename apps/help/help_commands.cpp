#include "apps/help/help_commands.hpp"

#include <filesystem>

#include <bdh/error.hpp>

#include "apps/common/console.hpp"
#include "apps/common/options.hpp"
#include "apps/help/completion.hpp"
#include "apps/help/manual_page.hpp"
#include "io/files/atomic_file.hpp"

namespace bdh::app {
namespace {

class manual_app final : public command {
 public:
  explicit manual_app(command_line& program)
      : command(program, "manual",
                "Write the manual into a folder, a page for man(1) for each command."),
        program_(program) {
    arguments_.hide();
    arguments_.add("DIR", folder_, "the folder; made where it is missing").required().type_name("");
  }

  int run() override {
    std::error_code failed;
    std::filesystem::create_directories(folder_, failed);
    if (failed) throw input_error(folder_, "cannot be made: " + failed.message(), "a folder");
    for (const manual_page& page : manual(describe(program_)))
      write_text(std::filesystem::path(folder_) / page.file, page.text);
    return 0;
  }

 private:
  const command_line& program_;
  std::string folder_;
};

}  // namespace

int complete_words(const command_line& program, const std::vector<std::string>& words) {
  print(as_lines(complete(describe(program), words)));
  return 0;
}

std::unique_ptr<command> manual_command(command_line& program) {
  return std::make_unique<manual_app>(program);
}

}  // namespace bdh::app
