/** The streams of a client: on a session of its pool, from the first byte to the end. */

import { until } from '../../core/deadlines';
import { CryptokiError } from '../../core/errors';
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

/** Runs work on a lent session: Client.run and ClientObject.use. It is repeated while `repeatable` says so. */
type Lend = (
  options: OperationOptions & { readonly repeatable: boolean },
  work: (session: Session, key: StorageObject | undefined) => Promise<void>,
) => Promise<void>;

/** Says of an error that the stream is not begun again by itself. */
function notRepeated(error: unknown): unknown {
  if (!(error instanceof CryptokiError)) return error;
  return new CryptokiError({
    ...(error.rv === undefined ? { code: error.code as 'ERR_CRYPTOKI_INTERNAL' } : { rv: error.rv }),
    function: error.function,
    detail: 'the stream was under way and is not repeated: begin a new one with the first byte',
    action: error.action,
    cause: error,
  });
}

/**
 * Borrows a session until the operation has ended.
 * @param isRepeatable whether the beginning may be tried again, after something was lost that could be got back
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
      if (signal.aborted) return sink.cancel(signal.reason); // nobody is there to use it
      await new Promise<void>((giveBack, giveUp) => {
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
            giveBack();
            return result;
          },
          cancel: async (error) => {
            await sink.cancel(error);
            if (error instanceof CryptokiError) giveUp(error);
            else giveBack();
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

/** See ClientPrivateKey.createSign. @param alwaysAuthenticates CKA_ALWAYS_AUTHENTICATE of the key */
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
      return borrow(lend, begin, false, signal, lost); // a PIN is not sent twice for one wish
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
    (mechanism, digest, itsSignature) => key.verify(mechanism, digest, itsSignature, options),
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
  what: 'encrypt' | 'decrypt',
  key: ClientObjectMembers,
  algorithm: MechanismInput,
  options: OperationOptions,
): CipherStream {
  checkOptions(options);
  const { input, handBack } = copyMechanism(algorithm);
  const mechanism = cipherMechanism(input);
  checkKeyType(OPERATIONS[what], input, mechanism.mechanism, key.keyType);
  const lend = withKey(key, what === 'encrypt' ? 'createEncrypt' : 'createDecrypt');
  const begin: Opener<Buffer> = (signal, lost) =>
    borrow(lend, beginOn(what === 'encrypt' ? ENCRYPT : DECRYPT, mechanism), true, signal, lost);
  return cipherStream(what, { algorithm, mechanism, handBack, options }, begin);
}
