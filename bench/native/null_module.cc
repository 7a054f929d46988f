// A PKCS#11 2.40 module without any work: every function returns CKR_OK at once, with outputs that look like
// results. Measurements with it show the cost of the calling program.
//
// Its token has one key of each kind of the bench, with the labels of the bench, and as many data objects as
// the environment variable CRYPTOKI_BENCH_OBJECTS says, with the label "filler".
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "generated/pkcs11.h"

#ifdef _WIN32
#define BENCH_EXPORT extern "C" __declspec(dllexport)
#else
#define BENCH_EXPORT extern "C" __attribute__((visibility("default")))
#endif

BENCH_EXPORT CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list);

namespace {

constexpr CK_SLOT_ID kSlot = 1;
constexpr CK_OBJECT_HANDLE kFirstFiller = 1000;

struct Key {
  std::string_view label;
  CK_ULONG objectClass;
  CK_ULONG type;
};
// The handle is the position, counted from 1.
constexpr std::array<Key, 8> kKeys = {{{"cryptoki-bench-rsa", CKO_PRIVATE_KEY, CKK_RSA},
                                       {"cryptoki-bench-rsa", CKO_PUBLIC_KEY, CKK_RSA},
                                       {"cryptoki-bench-p256", CKO_PRIVATE_KEY, CKK_EC},
                                       {"cryptoki-bench-p256", CKO_PUBLIC_KEY, CKK_EC},
                                       {"cryptoki-bench-ed25519", CKO_PRIVATE_KEY, CKK_EC_EDWARDS},
                                       {"cryptoki-bench-ed25519", CKO_PUBLIC_KEY, CKK_EC_EDWARDS},
                                       {"cryptoki-bench-hmac", CKO_SECRET_KEY, CKK_GENERIC_SECRET},
                                       {"cryptoki-bench-aes", CKO_SECRET_KEY, CKK_AES}}};
constexpr std::array<CK_MECHANISM_TYPE, 11> kMechanisms = {CKM_RSA_PKCS_KEY_PAIR_GEN,
                                                           CKM_EC_KEY_PAIR_GEN,
                                                           CKM_EC_EDWARDS_KEY_PAIR_GEN,
                                                           CKM_SHA256_RSA_PKCS,
                                                           CKM_ECDSA,
                                                           CKM_EDDSA,
                                                           CKM_SHA256_HMAC,
                                                           CKM_SHA256,
                                                           CKM_AES_GCM,
                                                           CKM_AES_KEY_GEN,
                                                           CKM_GENERIC_SECRET_KEY_GEN};

// The state of a session. Sessions do not share a cache line. One thread at a time uses a session.
struct alignas(64) SessionState {
  CK_MECHANISM_TYPE mechanism;
  CK_OBJECT_HANDLE next, end;  // range of results for C_FindObjects
};
constexpr std::size_t kSessions = 8192;
std::array<SessionState, kSessions> states;
std::atomic<CK_SESSION_HANDLE> lastSession{0};
std::atomic<bool> isLoggedIn{false};

SessionState& stateOf(CK_SESSION_HANDLE session) { return states[session % kSessions]; }

CK_ULONG fillers() {
  static const CK_ULONG count = [] {
    const char* text = std::getenv("CRYPTOKI_BENCH_OBJECTS");
    return text == nullptr ? 0UL : std::strtoul(text, nullptr, 10);
  }();
  return count;
}

// For every function without outputs: the arguments are deduced from the member to which it is assigned.
template <class... Arguments>
CK_RV answerOk(Arguments... /*unused*/) {
  return CKR_OK;
}

template <std::size_t size>
void blankPadded(CK_UTF8CHAR (&field)[size], std::string_view text) {
  std::memset(field, ' ', size);
  std::memcpy(field, text.data(), std::min(text.size(), size));
}

CK_RV getInfo(CK_INFO* info) {
  *info = {};
  info->cryptokiVersion = {2, 40};
  blankPadded(info->manufacturerID, "cryptoki bench");
  blankPadded(info->libraryDescription, "does nothing");
  return CKR_OK;
}

CK_RV getSlotList(CK_BBOOL /*tokenPresent*/, CK_SLOT_ID* list, CK_ULONG* count) {
  if (list != nullptr) *list = kSlot;
  *count = 1;
  return CKR_OK;
}

CK_RV getSlotInfo(CK_SLOT_ID /*slot*/, CK_SLOT_INFO* info) {
  *info = {};
  blankPadded(info->slotDescription, "null");
  blankPadded(info->manufacturerID, "cryptoki bench");
  info->flags = CKF_TOKEN_PRESENT;
  return CKR_OK;
}

CK_RV getTokenInfo(CK_SLOT_ID /*slot*/, CK_TOKEN_INFO* info) {
  *info = {};
  blankPadded(info->label, "null");
  blankPadded(info->manufacturerID, "cryptoki bench");
  blankPadded(info->model, "null");
  blankPadded(info->serialNumber, "0");
  blankPadded(info->utcTime, "");
  info->flags = CKF_RNG | CKF_LOGIN_REQUIRED | CKF_USER_PIN_INITIALIZED | CKF_TOKEN_INITIALIZED;
  info->ulMaxPinLen = 255;
  return CKR_OK;
}

CK_RV getMechanismList(CK_SLOT_ID /*slot*/, CK_MECHANISM_TYPE* list, CK_ULONG* count) {
  const CK_ULONG room = *count;
  *count = static_cast<CK_ULONG>(kMechanisms.size());
  if (list == nullptr) return CKR_OK;
  if (room < kMechanisms.size()) return CKR_BUFFER_TOO_SMALL;
  std::copy(kMechanisms.begin(), kMechanisms.end(), list);
  return CKR_OK;
}

CK_RV getMechanismInfo(CK_SLOT_ID /*slot*/, CK_MECHANISM_TYPE /*type*/, CK_MECHANISM_INFO* info) {
  *info = {256, 4096, CKF_SIGN | CKF_VERIFY | CKF_DIGEST | CKF_ENCRYPT | CKF_GENERATE_KEY_PAIR};
  return CKR_OK;
}

CK_RV openSession(CK_SLOT_ID /*slot*/, CK_FLAGS /*flags*/, void* /*application*/, CK_NOTIFY /*notify*/,
                  CK_SESSION_HANDLE* session) {
  *session = ++lastSession;
  return CKR_OK;
}

CK_RV getSessionInfo(CK_SESSION_HANDLE /*session*/, CK_SESSION_INFO* info) {
  const CK_STATE state = isLoggedIn ? CKS_RW_USER_FUNCTIONS : CKS_RW_PUBLIC_SESSION;
  *info = {kSlot, state, CKF_SERIAL_SESSION | CKF_RW_SESSION, 0};
  return CKR_OK;
}

CK_RV login(CK_SESSION_HANDLE /*session*/, CK_USER_TYPE /*user*/, CK_UTF8CHAR* /*pin*/, CK_ULONG /*length*/) {
  isLoggedIn = true;
  return CKR_OK;
}

CK_RV logout(CK_SESSION_HANDLE /*session*/) {
  isLoggedIn = false;
  return CKR_OK;
}

CK_RV createObject(CK_SESSION_HANDLE /*session*/, CK_ATTRIBUTE* /*attributes*/, CK_ULONG /*count*/,
                   CK_OBJECT_HANDLE* object) {
  *object = kKeys.size();
  return CKR_OK;
}

CK_RV generateKey(CK_SESSION_HANDLE session, CK_MECHANISM* /*mechanism*/, CK_ATTRIBUTE* attributes,
                  CK_ULONG count, CK_OBJECT_HANDLE* key) {
  return createObject(session, attributes, count, key);
}

CK_RV generateKeyPair(CK_SESSION_HANDLE /*session*/, CK_MECHANISM* /*mechanism*/, CK_ATTRIBUTE* /*one*/,
                      CK_ULONG /*count*/, CK_ATTRIBUTE* /*other*/, CK_ULONG /*otherCount*/,
                      CK_OBJECT_HANDLE* publicKey, CK_OBJECT_HANDLE* privateKey) {
  *privateKey = 1;
  *publicKey = 2;
  return CKR_OK;
}

CK_RV give(CK_ATTRIBUTE& attribute, const void* value, std::size_t size) {
  const CK_ULONG room = attribute.ulValueLen;
  attribute.ulValueLen = static_cast<CK_ULONG>(size);
  if (attribute.pValue == nullptr) return CKR_OK;
  if (room < size) {
    attribute.ulValueLen = CK_UNAVAILABLE_INFORMATION;
    return CKR_BUFFER_TOO_SMALL;
  }
  if (size > 0) std::memcpy(attribute.pValue, value, size);
  return CKR_OK;
}

CK_RV getAttributeValue(CK_SESSION_HANDLE /*session*/, CK_OBJECT_HANDLE object, CK_ATTRIBUTE* attributes,
                        CK_ULONG count) {
  constexpr Key kFiller = {"filler", CKO_DATA, 0};
  const Key& key = object >= 1 && object <= kKeys.size() ? kKeys[object - 1] : kFiller;
  const CK_BBOOL yes = CK_TRUE;
  const CK_BBOOL isPrivate = key.objectClass == CKO_PRIVATE_KEY ? CK_TRUE : CK_FALSE;
  CK_RV result = CKR_OK;
  for (CK_ATTRIBUTE* each = attributes; each != attributes + count; ++each) {
    CK_RV rv = CKR_OK;
    switch (each->type) {
      case CKA_CLASS:
        rv = give(*each, &key.objectClass, sizeof key.objectClass);
        break;
      case CKA_KEY_TYPE:
        rv = give(*each, &key.type, sizeof key.type);
        break;
      case CKA_LABEL:
      case CKA_ID:
        rv = give(*each, key.label.data(), key.label.size());
        break;
      case CKA_PRIVATE:
      case CKA_SENSITIVE:
        rv = give(*each, &isPrivate, sizeof isPrivate);
        break;
      case CKA_TOKEN:
      case CKA_SIGN:
      case CKA_VERIFY:
      case CKA_ENCRYPT:
      case CKA_DECRYPT:
        rv = give(*each, &yes, sizeof yes);
        break;
      default:
        each->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        rv = CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (rv != CKR_OK) result = rv;
  }
  return result;
}

// Finds keys by label and class, or the data objects.
CK_RV findObjectsInit(CK_SESSION_HANDLE session, CK_ATTRIBUTE* attributes, CK_ULONG count) {
  SessionState& state = stateOf(session);
  std::string_view label;
  CK_ULONG objectClass = CK_UNAVAILABLE_INFORMATION;
  for (const CK_ATTRIBUTE* each = attributes; each != attributes + count; ++each) {
    if (each->type == CKA_LABEL) label = {static_cast<const char*>(each->pValue), each->ulValueLen};
    if (each->type == CKA_CLASS) std::memcpy(&objectClass, each->pValue, sizeof objectClass);
  }
  state.next = state.end = 0;
  if (label == "filler") {
    state.next = kFirstFiller;
    state.end = kFirstFiller + fillers();
  }
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    if (kKeys[i].label != label || kKeys[i].objectClass != objectClass) continue;
    state.next = i + 1;
    state.end = i + 2;
  }
  return CKR_OK;
}

CK_RV findObjects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE* objects, CK_ULONG room, CK_ULONG* count) {
  SessionState& state = stateOf(session);
  *count = std::min<CK_ULONG>(room, state.end - state.next);
  for (CK_ULONG i = 0; i < *count; ++i) objects[i] = state.next++;
  return CKR_OK;
}

CK_RV digestInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism) {
  stateOf(session).mechanism = mechanism->mechanism;
  return CKR_OK;
}

CK_RV keyedInit(CK_SESSION_HANDLE session, CK_MECHANISM* mechanism, CK_OBJECT_HANDLE /*key*/) {
  return digestInit(session, mechanism);
}

CK_RV answer(std::size_t size, CK_BYTE* result, CK_ULONG* length) {
  const CK_ULONG room = *length;
  *length = static_cast<CK_ULONG>(size);
  if (result == nullptr) return CKR_OK;
  if (room < size) return CKR_BUFFER_TOO_SMALL;
  std::memset(result, 0x5a, size);
  return CKR_OK;
}

CK_RV encrypt(CK_SESSION_HANDLE /*session*/, CK_BYTE* /*data*/, CK_ULONG size, CK_BYTE* result,
              CK_ULONG* length) {
  return answer(size + 16, result, length);
}

// Signatures, MACs and digests.
CK_RV summarise(CK_SESSION_HANDLE session, CK_BYTE* /*data*/, CK_ULONG /*size*/, CK_BYTE* result,
                CK_ULONG* length) {
  const CK_MECHANISM_TYPE mechanism = stateOf(session).mechanism;
  const bool isCurve = mechanism == CKM_ECDSA || mechanism == CKM_EDDSA;
  return answer(mechanism == CKM_SHA256_RSA_PKCS ? 256 : isCurve ? 64 : 32, result, length);
}

CK_RV generateRandom(CK_SESSION_HANDLE /*session*/, CK_BYTE* bytes, CK_ULONG size) {
  std::memset(bytes, 0x5a, size);
  return CKR_OK;
}

template <class... Members>
void answerOkFrom(Members*&... members) {
  ((members = &answerOk), ...);
}

// The version shows that the list has the functions of 2.40 only.
CK_FUNCTION_LIST_3_2 makeList() {
  CK_FUNCTION_LIST_3_2 list{};
  list.version = {2, 40};
  answerOkFrom(list.C_Initialize, list.C_Finalize, list.C_InitToken, list.C_InitPIN, list.C_SetPIN,
               list.C_CloseSession, list.C_CloseAllSessions, list.C_GetOperationState,
               list.C_SetOperationState, list.C_CopyObject, list.C_DestroyObject, list.C_GetObjectSize,
               list.C_SetAttributeValue, list.C_FindObjectsFinal, list.C_EncryptUpdate, list.C_EncryptFinal,
               list.C_DecryptUpdate, list.C_DecryptFinal, list.C_DigestUpdate, list.C_DigestKey,
               list.C_SignUpdate, list.C_Verify, list.C_VerifyUpdate, list.C_VerifyFinal,
               list.C_SignRecoverInit, list.C_SignRecover, list.C_VerifyRecoverInit, list.C_VerifyRecover,
               list.C_DigestEncryptUpdate, list.C_DecryptDigestUpdate, list.C_SignEncryptUpdate,
               list.C_DecryptVerifyUpdate, list.C_WrapKey, list.C_UnwrapKey, list.C_DeriveKey,
               list.C_SeedRandom, list.C_GetFunctionStatus, list.C_CancelFunction, list.C_WaitForSlotEvent);
  list.C_GetFunctionList = C_GetFunctionList;
  list.C_GetInfo = getInfo;
  list.C_GetSlotList = getSlotList;
  list.C_GetSlotInfo = getSlotInfo;
  list.C_GetTokenInfo = getTokenInfo;
  list.C_GetMechanismList = getMechanismList;
  list.C_GetMechanismInfo = getMechanismInfo;
  list.C_OpenSession = openSession;
  list.C_GetSessionInfo = getSessionInfo;
  list.C_Login = login;
  list.C_Logout = logout;
  list.C_CreateObject = createObject;
  list.C_GenerateKey = generateKey;
  list.C_GenerateKeyPair = generateKeyPair;
  list.C_GetAttributeValue = getAttributeValue;
  list.C_FindObjectsInit = findObjectsInit;
  list.C_FindObjects = findObjects;
  list.C_SignInit = list.C_VerifyInit = list.C_EncryptInit = list.C_DecryptInit = keyedInit;
  list.C_DigestInit = digestInit;
  list.C_Sign = list.C_Digest = summarise;
  list.C_SignFinal = list.C_DigestFinal = [](CK_SESSION_HANDLE session, CK_BYTE* result, CK_ULONG* length) {
    return summarise(session, nullptr, 0, result, length);
  };
  list.C_Encrypt = list.C_Decrypt = encrypt;
  list.C_GenerateRandom = generateRandom;
  return list;
}

}  // namespace

CK_RV C_GetFunctionList(CK_FUNCTION_LIST** list) {
  static CK_FUNCTION_LIST_3_2 functions = makeList();
  *list = reinterpret_cast<CK_FUNCTION_LIST*>(&functions);
  return CKR_OK;
}
