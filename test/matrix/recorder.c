// A PKCS#11 module for tests of memory layouts. It records the bytes of the structures that it is given, follows their pointers
// as a program sent by the test says, and answers with bytes that the test has sent. It declares no structure, so that it
// shares no mistake with the binding; the offsets come from test/matrix/layout.mjs.
//
// Commands, sent with C_SeedRandom (first byte):
//   W program   how to read the next template or mechanism; the record is read with C_GenerateRandom
//   A bytes     the next information structure
//   V bytes     the values for C_GetAttributeValue, each after its length
//   S ms        the next C_GenerateRandom waits so long
// A program is: size (4 bytes), fill (1), number of pointers (2), and for each pointer its offset (4), 1 if it is followed (1), and
// then the program for its target. If fill is 1, all bytes but pointers are inverted after they were recorded.

#include <stdint.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#define EXPORT __declspec(dllexport)
#define VERSION_SIZE 2
#else
#include <unistd.h>
#define EXPORT __attribute__((visibility("default")))
#define VERSION_SIZE sizeof(void*)
#endif

typedef unsigned long ulong;
typedef unsigned char byte;

enum { OK = 0, ARGUMENTS_BAD = 7, NOT_SUPPORTED = 0x54, BUFFER_TOO_SMALL = 0x150 };

static byte program[65536], answer[65536], values[65536], record[262144];
static size_t answer_size, record_size;
static int has_program;
static uint32_t pause_ms;

static uint32_t number(const byte* from, int size) {
  uint32_t result = 0;
  for (int i = size - 1; i >= 0; --i) result = result << 8 | from[i];
  return result;
}

static void write_bytes(const void* from, size_t size) {
  if (record_size + size > sizeof record) return;
  memcpy(record + record_size, from, size);
  record_size += size;
}

// Returns the end of the program. With a null pointer for memory, it reads the program only.
static const byte* walk(const byte* step, byte* memory) {
  const uint32_t size = number(step, 4);
  const int fill = step[4];
  const uint32_t pointers = number(step + 5, 2);
  byte* const copy = record + record_size;
  step += 7;
  static byte is_pointer[65536];
  if (memory != NULL) write_bytes(memory, size);
  uint32_t offsets[64];
  for (uint32_t i = 0; i < pointers; ++i) {
    const uint32_t offset = offsets[i % 64] = number(step, 4);
    const int is_followed = step[4];
    step += 5;
    byte* target = NULL;
    if (memory != NULL) {
      memcpy(&target, memory + offset, sizeof target);
      memset(copy + offset, 0, sizeof target);
      const byte flag = target != NULL;
      write_bytes(&flag, 1);
    }
    if (is_followed) step = walk(step, target);
  }
  if (memory != NULL && fill) {
    memset(is_pointer, 0, size);
    for (uint32_t i = 0; i < pointers; ++i) memset(is_pointer + offsets[i % 64], 1, sizeof(void*));
    for (uint32_t i = 0; i < size; ++i)
      if (!is_pointer[i]) memory[i] = (byte)~memory[i];
  }
  return step;
}

static void observe(void* memory) {
  if (!has_program) return;
  has_program = 0;
  record_size = 0;
  walk(program, memory);
}

// Writes the answer that the test has sent; without one, `fallback` stays.
static ulong respond(void* memory) {
  if (answer_size > 0) memcpy(memory, answer, answer_size);
  answer_size = 0;
  return OK;
}

static ulong unsupported(void) { return NOT_SUPPORTED; }

static ulong C_Initialize(void* arguments) {
  record_size = 0;
  if (arguments != NULL) write_bytes(arguments, 5 * sizeof(void*) + (VERSION_SIZE == 2 ? sizeof(ulong) : sizeof(void*)));
  return OK;
}

static ulong C_Finalize(void* reserved) { return reserved == NULL ? OK : ARGUMENTS_BAD; }

static ulong C_GetInfo(byte* info) {
  memset(info, ' ', 34);
  info[0] = 3;
  info[1] = 2;
  return respond(info);
}

static ulong list(const ulong* values, ulong size, ulong* into, ulong* count) {
  const ulong room = *count;
  *count = size;
  if (into == NULL) return OK;
  if (room < size) return BUFFER_TOO_SMALL;
  memcpy(into, values, size * sizeof(ulong));
  return OK;
}

static ulong C_GetSlotList(byte present, ulong* slots, ulong* count) {
  static const ulong ids[] = {3, 0x80000001UL, 0xfffffff0UL};
  return list(ids, present ? 2 : 3, slots, count);
}

static ulong C_GetSlotInfo(ulong slot, byte* info) { return slot == 3 ? respond(info) : 3; }
static ulong C_GetTokenInfo(ulong slot, byte* info) { return slot == 3 ? respond(info) : 3; }

static ulong C_GetMechanismList(ulong slot, ulong* mechanisms, ulong* count) {
  static const ulong types[] = {1, 0x80000001UL};
  return slot == 3 ? list(types, 2, mechanisms, count) : 3;
}

static ulong C_GetMechanismInfo(ulong slot, ulong type, byte* info) {
  return slot == 3 && type == 0x80000001UL ? respond(info) : ARGUMENTS_BAD;
}

static ulong C_OpenSession(ulong slot, ulong flags, void* application, void* notify, ulong* session) {
  static ulong last = 0x81020300UL;
  if (slot != 3 || (flags & 4) == 0 || application != NULL || notify != NULL) return ARGUMENTS_BAD;
  *session = ++last;
  return OK;
}

static ulong C_CloseSession(ulong session) { return session > 0x81020300UL ? OK : 0xb3; }

static ulong C_GetSessionInfo(ulong session, ulong* info) {
  if (session <= 0x81020300UL) return 0xb3;
  const ulong fallback[] = {3, 2, 6, 0};
  memcpy(info, fallback, sizeof fallback);
  return respond(info);
}

static ulong C_CreateObject(ulong session, void* attributes, ulong count, ulong* object) {
  if (session <= 0x81020300UL || count == 0) return ARGUMENTS_BAD;
  observe(attributes);
  *object = 0x91929394UL;
  return OK;
}

static ulong C_GetAttributeValue(ulong session, ulong object, byte* attributes, ulong count) {
  if (session <= 0x81020300UL || object != 0x91929394UL) return ARGUMENTS_BAD;
  const byte* next = values;
  ulong result = OK;
  for (ulong i = 0; i < count; ++i, attributes += 2 * sizeof(ulong) + sizeof(void*)) {
    const ulong size = number(next, 4);
    byte* value = NULL;
    ulong room = 0;
    memcpy(&value, attributes + sizeof(ulong), sizeof value);
    memcpy(&room, attributes + sizeof(ulong) + sizeof value, sizeof room);
    if (value != NULL && room >= size) memcpy(value, next + 4, size);
    if (value != NULL && room < size) result = BUFFER_TOO_SMALL;
    memcpy(attributes + sizeof(ulong) + sizeof value, &size, sizeof size);
    next += 4 + size;
  }
  return result;
}

static ulong C_DeriveKey(ulong session, void* mechanism, ulong base, void* attributes, ulong count, ulong* key) {
  if (session <= 0x81020300UL || base != 0x91929394UL || attributes == NULL || count != 1) return ARGUMENTS_BAD;
  observe(mechanism);
  *key = 0xa1a2a3a4UL;
  return OK;
}

static ulong C_SeedRandom(ulong session, const byte* data, ulong size) {
  if (session <= 0x81020300UL || size == 0 || size > sizeof program) return ARGUMENTS_BAD;
  if (data[0] == 'W') {
    memcpy(program, data + 1, size - 1);
    has_program = 1;
  } else if (data[0] == 'A') {
    memcpy(answer, data + 1, answer_size = size - 1);
  } else if (data[0] == 'V') {
    memcpy(values, data + 1, size - 1);
  } else if (data[0] == 'S') {
    pause_ms = number(data + 1, 4);
  } else {
    return ARGUMENTS_BAD;
  }
  return OK;
}

static ulong C_GenerateRandom(ulong session, byte* into, ulong size) {
  (void)session;
  const uint32_t pause = pause_ms;
#ifdef _WIN32
  Sleep(pause);
#else
  usleep(pause * 1000);
#endif
  memset(into, 0, size);
  memcpy(into, record, size < record_size ? size : record_size);
  return OK;
}

EXPORT ulong C_GetFunctionList(void** into);
EXPORT ulong C_GetInterfaceList(byte* into, ulong* count);
EXPORT ulong C_GetInterface(const char* name, const byte* version, void** into, ulong flags);

typedef ulong (*function)(void);
// Made by test/matrix/build-recorder.mjs: the functions in the order of the specification, FUNCTION(name) for those above.
static const function functions[] = {
#define FUNCTION(name) (function)name,
#define OTHER unsupported,
#include "functions.inc"
};

static byte list_240[VERSION_SIZE + sizeof functions], list_32[VERSION_SIZE + sizeof functions];
static byte interfaces[2][3 * sizeof(void*)];
#define INTERFACE_SIZE (2 * sizeof(void*) + (VERSION_SIZE == 2 ? sizeof(ulong) : sizeof(void*)))

static void prepare(void) {
  static const char name[] = "PKCS 11";
  const char* const pointer = name;
  byte* const lists[] = {list_32, list_240};
  for (int i = 0; i < 2; ++i) {
    lists[i][0] = i == 0 ? 3 : 2;
    lists[i][1] = i == 0 ? 2 : 40;
    memcpy(lists[i] + VERSION_SIZE, functions, sizeof functions);
    byte* const entry = (byte*)interfaces + i * INTERFACE_SIZE;
    memcpy(entry, &pointer, sizeof pointer);
    memcpy(entry + sizeof(void*), &lists[i], sizeof(void*));
  }
}

ulong C_GetFunctionList(void** into) {
  prepare();
  *into = list_240;
  return OK;
}

ulong C_GetInterfaceList(byte* into, ulong* count) {
  prepare();
  const ulong room = *count;
  *count = 2;
  if (into == NULL) return OK;
  if (room < 2) return BUFFER_TOO_SMALL;
  memcpy(into, interfaces, 2 * INTERFACE_SIZE);
  return OK;
}

ulong C_GetInterface(const char* name, const byte* version, void** into, ulong flags) {
  prepare();
  (void)flags;
  if (name != NULL && strcmp(name, "PKCS 11") != 0) return ARGUMENTS_BAD;
  if (version != NULL && version[0] == 2) *into = (byte*)interfaces + INTERFACE_SIZE;
  else if (version == NULL || (version[0] == 3 && version[1] == 2)) *into = interfaces;
  else return ARGUMENTS_BAD;
  return OK;
}
