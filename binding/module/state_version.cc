#include "module/state_version.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

namespace cryptoki {
namespace {

struct Copies {
  std::mutex mutex;
  std::vector<StateVersionCopy::Number*> numbers;
};

// Never destroyed: threads may record a change while the process exits.
Copies& copies() {
  static auto& only = *new Copies;  // NOLINT(cppcoreguidelines-owning-memory)
  return only;
}

}  // namespace

void stateChanged() noexcept {
  auto& all = copies();
  const std::lock_guard lock(all.mutex);
  for (auto* number : all.numbers) ++*number;
}

StateVersionCopy::StateVersionCopy(void* memory)
    : number_(std::construct_at(static_cast<Number*>(memory), 0U)) {
  auto& all = copies();
  const std::lock_guard lock(all.mutex);
  all.numbers.push_back(number_);
}

StateVersionCopy::~StateVersionCopy() {
  auto& all = copies();
  const std::lock_guard lock(all.mutex);
  std::erase(all.numbers, number_);
}

}  // namespace cryptoki
