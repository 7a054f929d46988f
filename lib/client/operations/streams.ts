/** The streams of a client. Each uses a session of the pool from its first byte to its end. */

import { until } from '../../core/deadlines';
import { CryptokiError, type OwnCode } from '../../core/errors';
import { copyMechanism } from '../../model/mechanisms/caller-copies';
import { cipherMechanism } from '../../model/mechanisms/cipher';
import { digestMechanism } from '../../model/mechanisms/digest';
import { checkKeyType } from '../../model/mechanisms/families';
import type { MechanismInput } from '../../model/mechanisms/mechanism';
import type { StorageObject } from '../../model/objects/storage-object';
import { type CipherStream, cipherStream, OPERATIONS } from '../../model/operations/streams/cipher-stream';
import { DigestStream, SignStream, VerifyStream } from '../../model/operations/streams/message-stream';
import { Multipart } from '../../model/operations/streams/multipart';
import {
  DECRYPT,
  DIGEST,
  ENCRYPT,
  type MultipartFunctions,
  SIGN,
  verification,
} from '../../model/operations/streams/multipart-functions';
import type { Opener, Sink } from '../../model/operations/streams/part-sink';
import {
  checkOptions,
  copySignature,
  openSign,
  openVerify,
  planStream,
} from '../../model/operations/streams/stream-plan';
import type { Session } from '../../model/session';
import type { BytesLike, RawMechanism } from '../../raw/values';
import type {
  ClientMembers,
  ClientObjectMembers,
  ClientSigningKey,
  ClientVerifyingKey,
  OperationOptions,
} from '../client-types';
import { wipe } from '../connection/login-keeper';

/** Runs work on a lent session: Client.run or ClientObject.use. The work is repeated only while `repeatable` is true. */
type Lend = (
  options: OperationOptions & { readonly repeatable: boolean },
  work: (session: Session, key: StorageObject | undefined) => Promise<void>,
) => Promise<void>;

/** Adds to an error that the stream is not repeated. */
function notRepeated(error: unknown): unknown {
  if (!(error instanceof CryptokiError)) return error;
  return new CryptokiError({
    ...(error.rv === undefined ? { code: error.code as OwnCode } : { rv: error.rv }),
    function: error.function,
    detail: 'the stream had begun and is not repeated; create a new one and write all data again',
    action: error.action,
    cause: error,
  });
}

/**
 * Takes a session of the pool until the operation has ended.
 * @param isRepeatable true if the beginning may be repeated after a recovery
 * @param lost called with the error when the session is lost
 */
function borrow<T>(
  lend: Lend,
  begin: (session: Session, key: StorageObject | undefined) => Promise<Sink<T>>,
  isRepeatable: boolean,
  signal: AbortSignal,
  lost: (error: unknown) => void,
): Promise<Sink<T>> {
  return new Promise((resolve, reject) => {
    let isBegun = false;
    const options = {
      signal,
      get repeatable() {
        return isRepeatable && !isBegun;
      },
    };
    lend(options, async (session, key) => {
      const sink = await begin(session, key);
      isBegun = true;
      if (signal.aborted) return sink.cancel(signal.reason); // the stream was destroyed
      await new Promise<void>((release, fail) => {
        resolve({
          usesSession: true,
          update: (part) =>
            sink.update(part).catch((error) => {
              throw notRepeated(error);
            }),
          final: async (signature) => {
            const result = await sink.final(signature).catch((error) => {
              throw notRepeated(error);
            });
            release();
            return result;
          },
          cancel: async (error) => {
            await sink.cancel(error);
            if (error instanceof CryptokiError) fail(error);
            else release();
          },
        });
      });
    }).catch((error) => {
      reject(error);
      lost(error);
    });
  });
}

const withKey =
  (key: ClientObjectMembers, operation: string): Lend =>
  (options, work) =>
    key.use(operation, options, (object, session) => work(session, object));

function beginOn<T>(functions: MultipartFunctions<T>, mechanism: RawMechanism) {
  return (session: Session, key: StorageObject | undefined): Promise<Sink<T>> =>
    Multipart.begin({ functions, session, mechanism, key });
}

/** See ClientPrivateKey.createSign. @param alwaysAuthenticates returns CKA_ALWAYS_AUTHENTICATE of the key */
export function createSign(
  key: ClientSigningKey,
  algorithm: MechanismInput,
  options: OperationOptions,
  alwaysAuthenticates: () => boolean | Promise<boolean>,
): SignStream {
  checkOptions(options);
  const planned = planStream(key.client.token, copyMechanism(algorithm).input, {
    operation: 'Sign',
    keyType: key.keyType,
  });
  const lend = withKey(key, 'createSign');
  const open = openSign(
    planned,
    async (mechanism, signal, lost) => {
      const always = await until(Promise.resolve(alwaysAuthenticates()), signal);
      if (!always) return borrow(lend, beginOn(SIGN, mechanism), true, signal, lost);
      const begin = async (session: Session, object: StorageObject | undefined): Promise<Sink<Buffer>> => {
        const pin = await key.client.contextPin(session, key, { signal });
        try {
          return await Multipart.begin({ functions: SIGN, session, mechanism, key: object, login: { pin } });
        } finally {
          wipe(pin);
        }
      };
      return borrow(lend, begin, false, signal, lost); // not repeatable: a PIN is sent at most once per call
    },
    (mechanism, digest) => key.sign(mechanism, digest, options),
  );
  return new SignStream(open, options);
}

/** See ClientPublicKey.createVerify. */
export function createVerify(
  key: ClientVerifyingKey,
  algorithm: MechanismInput,
  signature: BytesLike | undefined,
  options: OperationOptions,
): VerifyStream {
  checkOptions(options);
  const planned = planStream(key.client.token, copyMechanism(algorithm).input, {
    operation: 'Verify',
    keyType: key.keyType,
  });
  const lend = withKey(key, 'createVerify');
  const open = openVerify(
    planned,
    (mechanism, signal, lost) =>
      borrow(lend, beginOn(verification(mechanism), mechanism), true, signal, lost),
    (mechanism, digest, streamSignature) => key.verify(mechanism, digest, streamSignature, options),
  );
  return new VerifyStream(open, options, copySignature(signature));
}

/** See Client.createDigest. */
export function createDigest(
  client: ClientMembers,
  algorithm: MechanismInput,
  options: OperationOptions,
): DigestStream {
  checkOptions(options);
  const mechanism = digestMechanism(copyMechanism(algorithm).input);
  const lend: Lend = (run, work) => client.run('createDigest', run, (session) => work(session, undefined));
  return new DigestStream(
    (signal, lost) => borrow(lend, beginOn(DIGEST, mechanism), true, signal, lost),
    options,
  );
}

/** See ClientSecretKey.createEncrypt. */
export function createCipher(
  operation: 'encrypt' | 'decrypt',
  key: ClientObjectMembers,
  algorithm: MechanismInput,
  options: OperationOptions,
): CipherStream {
  checkOptions(options);
  const { input, handBack } = copyMechanism(algorithm);
  const mechanism = cipherMechanism(input);
  checkKeyType(OPERATIONS[operation], input, mechanism.mechanism, key.keyType);
  const lend = withKey(key, operation === 'encrypt' ? 'createEncrypt' : 'createDecrypt');
  const begin: Opener<Buffer> = (signal, lost) =>
    borrow(lend, beginOn(operation === 'encrypt' ? ENCRYPT : DECRYPT, mechanism), true, signal, lost);
  return cipherStream(operation, { algorithm, mechanism, handBack, options }, begin);
}
