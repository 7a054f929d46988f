#include "module/quirks.h"

#include <string_view>

namespace cryptoki {
namespace {

struct Quirk {
  std::string_view manufacturer;  // the beginning of CK_INFO.manufacturerID
  Locking locking;
};

constexpr Quirk kQuirks[] = {
    // SoftHSM2 2.6.1: creating, destroying and searching objects on several threads crashes or gives wrong
    // results
    // (seen within seconds with 8 sessions); signing beside it does not.
    {"SoftHSM", Locking::Objects},
};

}  // namespace

Locking lockingQuirk(const CK_INFO& info) {
  const std::string_view manufacturer(reinterpret_cast<const char*>(info.manufacturerID),
                                      sizeof info.manufacturerID);
  for (const Quirk& quirk : kQuirks) {
    if (manufacturer.starts_with(quirk.manufacturer)) return quirk.locking;
  }
  return Locking::None;
}

}  // namespace cryptoki
