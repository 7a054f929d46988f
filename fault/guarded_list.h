// A function list at the end of readable memory.
#pragma once

#include "generated/pkcs11.h"

namespace cryptoki::fault {

// The 68 functions of PKCS#11 2.40 with a different version. The list ends at the end of a page, and the next
// page is not readable: a caller that trusts the version crashes. Created once per version, never freed.
// Throws std::bad_alloc.
CK_FUNCTION_LIST* guardedList(const CK_FUNCTION_LIST_3_2& functions, CK_VERSION version);

}  // namespace cryptoki::fault
