// A function list behind which there is no memory.
#pragma once

#include "generated/pkcs11.h"

namespace cryptoki::fault {

// The 68 functions of PKCS#11 2.40 with another version. The list ends where a page ends whose next page
// cannot be read: who believes the version faults. Made once per version, never freed. Throws std::bad_alloc.
CK_FUNCTION_LIST* guardedList(const CK_FUNCTION_LIST_3_2& functions, CK_VERSION version);

}  // namespace cryptoki::fault
