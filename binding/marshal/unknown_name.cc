#include "marshal/unknown_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <limits>

#include "marshal/collect.h"

namespace cryptoki {

namespace {

constexpr std::size_t kLongestName = 64;  // the time grows with the square of the length
constexpr std::size_t kBeginning = 3;     // names that begin with the same letters are related

std::string lowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return lower;
}

// The number of bytes to insert, delete or replace.
std::size_t changesBetween(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t column = 0; column < row.size(); ++column) row[column] = column;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t corner = row[0];
    row[0] = i + 1;
    for (std::size_t k = 0; k < b.size(); ++k) {
      const std::size_t exchanged = corner + (a[i] == b[k] ? 0 : 1);
      corner = row[k + 1];
      row[k + 1] = std::min({row[k] + 1, corner + 1, exchanged});
    }
  }
  return row.back();
}

bool areRelated(std::string_view a, std::string_view b, std::size_t changes) {
  if (changes <= std::max(a.size(), b.size()) / 3) return true;
  if (std::min(a.size(), b.size()) < kBeginning) return false;
  return a.find(b) != std::string_view::npos || b.find(a) != std::string_view::npos ||
         a.substr(0, kBeginning) == b.substr(0, kBeginning);
}

}  // namespace

std::string_view nearestName(std::string_view name, const std::vector<std::string_view>& known) {
  if (name.size() > kLongestName) return {};
  const std::string wanted = lowerCase(name);
  std::string_view nearest;
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  for (const std::string_view one : known) {
    const std::string other = lowerCase(one);
    const std::size_t changes = changesBetween(wanted, other);
    if (changes < fewest && areRelated(wanted, other, changes)) {
      nearest = one;
      fewest = changes;
    }
  }
  return nearest;
}

void refuseUnknownNames(const Napi::Object& object, const std::vector<std::string_view>& known,
                        std::string_view owner) {
  for (const std::string& name : ownNames(object)) {
    if (std::ranges::find(known, name) != known.end()) continue;
    std::string message = std::string(owner) + " no \"" + name.substr(0, kLongestName) + "\"";
    if (known.empty()) throw UnknownName{message};
    const std::string_view near = nearestName(name, known);
    message += near.empty() ? "; there are " : "; did you mean \"" + std::string(near) + "\"? There are ";
    for (const std::string_view one : known) message += std::string(one) + ", ";
    message.resize(message.size() - 2);
    throw UnknownName{message};
  }
}

}  // namespace cryptoki
