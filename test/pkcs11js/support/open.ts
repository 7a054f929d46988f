import pkcs11js, { type AttributeInput, type Handle, type PKCS11 } from 'cryptoki/pkcs11js';
import { createToken, type TestToken } from '../../support/token';

/** A SoftHSM2 token opened with cryptoki/pkcs11js, with a read/write session and a user login. */
export interface Opened {
  readonly token: TestToken;
  readonly pkcs11: PKCS11;
  readonly slot: Handle;
  readonly session: Handle;
  /** Opens another read/write session on the same token. */
  open(): Handle;
  close(): void;
}

/** Call it in beforeAll. */
export async function open(): Promise<Opened> {
  const token = await createToken();
  const pkcs11 = new pkcs11js.PKCS11(token.module);
  pkcs11.C_Initialize();
  const slot = pkcs11
    .C_GetSlotList(true)
    .find((one) => pkcs11.C_GetTokenInfo(one).label.trim() === token.label) as Handle;
  const openSession = (): Handle =>
    pkcs11.C_OpenSession(slot, pkcs11js.CKF_SERIAL_SESSION | pkcs11js.CKF_RW_SESSION);
  const session = openSession();
  pkcs11.C_Login(session, pkcs11js.CKU_USER, token.pin);
  return {
    token,
    pkcs11,
    slot,
    session,
    open: openSession,
    close: () => {
      pkcs11.C_Finalize();
      pkcs11.close();
      token.remove();
    },
  };
}

/** A template: [type, value] for each attribute. */
export const template = (...attributes: [type: number, value: AttributeInput['value']][]): AttributeInput[] =>
  attributes.map(([type, value]) => ({ type, value }));

/** A readable secret key of 16 bytes that allows all operations. */
export const aesKey = (value: Buffer = Buffer.alloc(16, 1)): AttributeInput[] =>
  template(
    [pkcs11js.CKA_CLASS, pkcs11js.CKO_SECRET_KEY],
    [pkcs11js.CKA_KEY_TYPE, pkcs11js.CKK_AES],
    [pkcs11js.CKA_SENSITIVE, false],
    [pkcs11js.CKA_EXTRACTABLE, true],
    [pkcs11js.CKA_ENCRYPT, true],
    [pkcs11js.CKA_DECRYPT, true],
    [pkcs11js.CKA_SIGN, true],
    [pkcs11js.CKA_WRAP, true],
    [pkcs11js.CKA_UNWRAP, true],
    [pkcs11js.CKA_VALUE, value],
  );

/** The templates of a P-256 key pair. */
export const ecKeys = (): [publicKey: AttributeInput[], privateKey: AttributeInput[]] => [
  template([pkcs11js.CKA_EC_PARAMS, Buffer.from('06082a8648ce3d030107', 'hex')]),
  template([pkcs11js.CKA_SIGN, true], [pkcs11js.CKA_DERIVE, true]),
];

/** The error that a function throws, reduced to the properties that programs use. */
export function thrown(action: () => unknown): {
  name: string;
  message: string;
  code?: number;
  method?: string;
} {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}
