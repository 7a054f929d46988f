// Vendor-defined attributes that the program has registered.
#pragma once

#include <string>

#include "marshal/tables.h"

namespace cryptoki {

// Sets the type of an attribute (CKA_VENDOR_DEFINED or above) for the whole process.
void registerAttribute(CK_ATTRIBUTE_TYPE type, AttributeKind kind, const std::string& name);

// Unknown and nullptr for an attribute that was not registered.
AttributeKind vendorAttributeKind(CK_ATTRIBUTE_TYPE type);
const char* vendorAttributeName(CK_ATTRIBUTE_TYPE type);

}  // namespace cryptoki
