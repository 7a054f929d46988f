#include "fault/real.h"

#include "module/quirks.h"

namespace cryptoki::fault {

Real::Real(const std::string& path) : path_(path) {
  Library library(path, SymbolBinding::Auto);
  list_ = discover(library, path, false);
  library.keep();
}

void Real::learn() {
  CK_INFO info{};
  const auto ask = list_.functions.C_GetInfo;
  if (ask == nullptr || ask(&info) != CKR_OK) return;
  locksObjects_ = quirksOf(info, path_).locking == Locking::Objects;
}

}  // namespace cryptoki::fault
