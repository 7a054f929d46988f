// The raw loop: the speed of a PKCS#11 module in a C program. It reads commands as lines of JSON from its
// standard input and answers each with a line on its standard output; see contenders/raw.mjs.
#include <cstdio>
#include <exception>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "command.h"
#include "loop.h"
#include "module.h"
#include "operation.h"

namespace {

class Program {
 public:
  std::string obey(const Command& command) {
    const std::string& what = command.text("do");
    if (what == "open") return open(command);
    if (what == "run") return run(command);
    throw std::runtime_error("no such command: " + what);
  }

 private:
  std::string open(const Command& command) {
    module_ = std::make_unique<Module>(command.text("module"), command.text("libraryParameters"));
    slot_ = command.number("slot");
    pin_ = command.text("pin");
    return R"({"ok":true})";
  }

  std::string run(const Command& command) {
    if (!module_) throw std::runtime_error("no module is open");
    const std::size_t count = command.number("sessions");
    module_->open(slot_, pin_, count);
    CK_OBJECT_HANDLE key = 0;
    if (command.has("label")) {
      key = module_->find(command.number("class"), command.text("label"));
      if (key == 0) throw std::runtime_error("there is no key " + command.text("label"));
    }
    std::vector<std::unique_ptr<Operation>> operations;
    for (std::size_t i = 0; i < count; ++i)
      operations.push_back(makeOperation(*module_, module_->sessions()[i], key, command));
    const double seconds = static_cast<double>(command.number("milliseconds")) / 1000;
    const Measured measured = runLoop(operations, seconds);
    return "{\"operations\":" + std::to_string(measured.operations) +
           ",\"seconds\":" + std::to_string(measured.seconds) + ",\"cpu\":" + std::to_string(measured.cpu) +
           "}";
  }

  std::unique_ptr<Module> module_;
  CK_SLOT_ID slot_ = 0;
  std::string pin_;
};

}  // namespace

int main() {
  Program program;
  for (std::string line; std::getline(std::cin, line);) {
    std::string answer;
    try {
      answer = program.obey(Command(line));
    } catch (const std::exception& error) {
      answer = "{\"error\":" + quoted(error.what()) + "}";
    }
    std::cout << answer << std::endl;
  }
  // Skips exit handlers of the module, which are not measured.
  std::fflush(stdout);
  std::_Exit(0);
}
