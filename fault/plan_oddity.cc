// The oddity of a rule: its name, and the functions that it applies to.
#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "fault/plan.h"

namespace cryptoki::fault {
namespace {

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

// The edit distance: the number of letters to change, insert or remove.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (const char letter : one) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (letter == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string functionNames(const FunctionSet& functions) {
  std::string result;
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    if (functions.at(i)) result += (result.empty() ? "" : ", ") + std::string(kShapes.at(i).name);
  }
  return result;
}

bool givesLists(std::size_t function) {
  return kShapes.at(function).name == "C_GetFunctionList" ||
         kShapes.at(function).name == "C_GetInterfaceList" || kShapes.at(function).name == "C_GetInterface";
}

}  // namespace

void Rule::readOddity(std::string_view name) {
  if (oddity_) refuse("a rule can have only one oddity: make two rules");
  const auto* known = std::ranges::find(kOddities, name, &OddityShape::name);
  if (known == kOddities.end()) {
    const auto* nearest = std::ranges::min_element(
        kOddities, {}, [&](const OddityShape& shape) { return distance(name, shape.name); });
    refuse("unknown oddity \"" + std::string(name) + "\"; did you mean \"" + std::string(nearest->name) +
           "\"?");
  }
#ifdef _WIN32
  if (known->posixOnly) refuse("the oddity " + std::string(name) + " does not exist on Windows");
#endif
  oddity_ = static_cast<Oddity>(known - kOddities.begin());
  faults_.oddities.set(static_cast<std::size_t>(*oddity_));
}

// Call it after all words have been read: checks their combination.
void Rule::applyOddity() {
  for (std::size_t i = 0; !oddity_ && i < kFunctionCount; ++i) {
    if (!givesLists(i)) continue;
    // A program requests the lists before it makes calls: rules for all functions do not count that.
    if (functions_.at(i) && !all_)
      refuse(std::string(kShapes.at(i).name) + " accepts only rules with an oddity");
    functions_.at(i) = false;
  }
  if (!oddity_) return;
  const OddityShape& shape = shapeOf(*oddity_);
  const std::string name(shape.name);
  if (all_) functions_ = shape.functions;
  for (std::size_t i = 0; i < kFunctionCount; ++i) {
    if (functions_.at(i) && !shape.functions.at(i))
      refuse("the oddity " + name + " does not apply to " + std::string(kShapes.at(i).name) +
             "; it applies to " + functionNames(shape.functions));
  }
  if (faults_.grown) refuse("grown replaces the call, so the oddity " + name + " would have no effect");
  if (faults_.returns && !shape.takesCode)
    refuse("return replaces the call, so the oddity " + name + " would have no effect");
  faults_.oddityCode = faults_.returns;
  faults_.returns.reset();
}

}  // namespace cryptoki::fault
