// The module under measurement, as a C program uses it: its function list, initialised, with sessions.
#pragma once

#include <string>
#include <vector>

#include "generated/pkcs11.h"

// Throws std::runtime_error with the name of the function if the return value is not CKR_OK.
void check(CK_RV rv, const char* function);

class Module {
 public:
  // dlopen, C_GetFunctionList, C_Initialize. `parameters` is for NSS and may be empty.
  Module(const std::string& path, const std::string& parameters);

  const CK_FUNCTION_LIST_3_2& functions() const { return *functions_; }

  // Opens sessions up to this number and logs in with the first one, unless the PIN is empty.
  void open(CK_SLOT_ID slot, const std::string& pin, std::size_t count);
  const std::vector<CK_SESSION_HANDLE>& sessions() const { return sessions_; }

  // The first object of this class with this label; 0 if it does not exist.
  CK_OBJECT_HANDLE find(CK_ULONG objectClass, const std::string& label) const;

 private:
  CK_FUNCTION_LIST_3_2* functions_ = nullptr;
  std::vector<CK_SESSION_HANDLE> sessions_;
};
