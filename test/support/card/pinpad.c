/* Extends the driver of the virtual reader, with which it is linked, to that of a reader with a PIN pad
 * (PC/SC part 10, FEATURE_VERIFY_PIN_DIRECT). The pad is where the card is: a PIN verification is sent there
 * as a command of class FF, and the answer arrives when somebody has typed. pcscd finds all other functions
 * in the linked driver.
 *
 *   cc -shared -fPIC -o libpinpad.so pinpad.c libifdvpcd.so.0 -Wl,-rpath,'$ORIGIN'
 */
#include <string.h>

typedef unsigned long DWORD;
typedef struct {
  DWORD protocol;
  DWORD length;
} ScardIoHeader;

enum { SUCCESS = 0, COMMUNICATION_ERROR = 612, NOT_SUPPORTED = 614 };

#define CONTROL_CODE(code) (0x42000000UL + (code))
#define GET_FEATURES CONTROL_CODE(3400)
#define VERIFY_PIN_DIRECT CONTROL_CODE(1)

long IFDHTransmitToICC(DWORD lun, ScardIoHeader send, unsigned char* command, DWORD commandLength,
                       unsigned char* answer, DWORD* answerLength, ScardIoHeader* receive);

long IFDHControl(DWORD lun, DWORD code, unsigned char* in, DWORD inLength, unsigned char* out,
                 DWORD outLength, DWORD* returned) {
  static const unsigned char features[] = {0x06, 4,    0x42,
                                           0x00, 0x00, 0x01}; /* 6: VERIFY_PIN_DIRECT and its code */
  unsigned char command[5 + 255] = {0xFF, 0x20, 0, 0};
  ScardIoHeader send = {2, sizeof send};
  ScardIoHeader receive = {0, sizeof receive};
  *returned = 0;
  if (code == GET_FEATURES && outLength >= sizeof features) {
    memcpy(out, features, sizeof features);
    *returned = sizeof features;
    return SUCCESS;
  }
  if (code != VERIFY_PIN_DIRECT) return NOT_SUPPORTED;
  if (inLength > 255) return COMMUNICATION_ERROR;
  command[4] = (unsigned char)inLength;
  memcpy(command + 5, in, inLength);
  *returned = outLength;
  return IFDHTransmitToICC(lun, send, command, 5 + inLength, out, returned, &receive);
}
