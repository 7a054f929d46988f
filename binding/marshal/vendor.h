// Attributes that a vendor has defined and the program has named.
#pragma once

#include <string>

#include "marshal/tables.h"

namespace cryptoki {

// Gives an attribute (CKA_VENDOR_DEFINED or above) a type, for the whole process.
void registerAttribute(CK_ATTRIBUTE_TYPE type, AttributeKind kind, const std::string& name);

// Unknown and nullptr for what was not registered.
AttributeKind vendorAttributeKind(CK_ATTRIBUTE_TYPE type);
const char* vendorAttributeName(CK_ATTRIBUTE_TYPE type);

}  // namespace cryptoki
