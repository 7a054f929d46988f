// Checks numbers that a module reports: lengths, counts, sizes. Check each one here before it is used to
// allocate or read memory. Modules report -1 for "unavailable", some of them as 32 bits on a 64-bit system,
// and some leave garbage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "generated/pkcs11.h"

namespace cryptoki {

// The largest accepted values.
constexpr std::size_t kMostAttributeBytes = std::size_t{64} << 20;  // of one attribute value
constexpr std::size_t kMostResultBytes = std::size_t{16} << 20;     // of a result, beyond twice the input
constexpr std::size_t kMostListed = std::size_t{1} << 16;  // slots, mechanisms, members of a template

// -1, as a CK_ULONG or as a 32-bit number.
constexpr bool isUnavailable(CK_ULONG number) {
  return number == CK_UNAVAILABLE_INFORMATION || number == std::numeric_limits<std::uint32_t>::max();
}

// The number, or nothing when it exceeds the limit or is unavailable.
constexpr std::optional<std::size_t> believed(CK_ULONG number, std::size_t most) {
  if (isUnavailable(number) || number > most) return std::nullopt;
  return static_cast<std::size_t>(number);
}

}  // namespace cryptoki
