/** The streams of the model, on the session of the key. */

import type { BytesLike } from '../../../raw/values';
import type { ContextLogin } from '../../login/context-login';
import { checkForce, copyPin } from '../../login/login';
import { copyMechanism } from '../../mechanisms/caller-copies';
import { cipherMechanism } from '../../mechanisms/cipher';
import { digestMechanism } from '../../mechanisms/digest';
import { checkKeyType } from '../../mechanisms/families';
import type { MechanismInput } from '../../mechanisms/mechanism';
import type { ModelKey, ModelSession, SigningKey, VerifyingKey } from '../../model-types';
import { type CipherStream, cipherStream, OPERATIONS } from './cipher-stream';
import { DigestStream, SignStream, VerifyStream } from './message-stream';
import { Multipart } from './multipart';
import { DECRYPT, DIGEST, ENCRYPT, SIGN, verification } from './multipart-functions';
import type { Sink } from './part-sink';
import type { StreamOptions } from './stream-options';
import { checkOptions, copySignature, openSign, openVerify, planStream } from './stream-plan';

/** Creates a stream that signs; see PrivateKey.createSign. */
export function createSign(
  key: SigningKey,
  algorithm: MechanismInput,
  options: ContextLogin & StreamOptions,
): SignStream {
  checkOptions(options, 'pin', 'force');
  key.use();
  const force = checkForce(options.force);
  const planned = planStream(key.session.token, copyMechanism(algorithm).input, {
    operation: 'Sign',
    keyType: key.identity.keyType,
  });
  const pin = options.pin === undefined ? undefined : copyPin(options.pin);
  const login = pin === undefined ? undefined : { pin, force };
  const { session } = key;
  const stream = new SignStream(
    openSign(
      planned,
      (mechanism) => Multipart.begin({ functions: SIGN, session, mechanism, key, login }),
      (mechanism, digest) => key.sign(mechanism, digest, login),
    ),
    options,
  );
  stream.once('close', () => pin?.fill(0));
  return stream;
}

/** Creates a stream that verifies; see PublicKey.createVerify. */
export function createVerify(
  key: VerifyingKey,
  algorithm: MechanismInput,
  signature: BytesLike | undefined,
  options: StreamOptions,
): VerifyStream {
  checkOptions(options);
  key.use();
  const planned = planStream(key.session.token, copyMechanism(algorithm).input, {
    operation: 'Verify',
    keyType: key.identity.keyType,
  });
  const { session } = key;
  const open = openVerify(
    planned,
    (mechanism) => Multipart.begin({ functions: verification(mechanism), session, mechanism, key }),
    (mechanism, digest, digestSignature) => key.verify(mechanism, digest, digestSignature),
  );
  return new VerifyStream(open, options, copySignature(signature));
}

/** Creates a stream that digests; see Session.createDigest. */
export function createDigest(
  session: ModelSession,
  algorithm: MechanismInput,
  options: StreamOptions,
): DigestStream {
  checkOptions(options);
  session.use();
  const mechanism = digestMechanism(copyMechanism(algorithm).input);
  return new DigestStream(() => Multipart.begin({ functions: DIGEST, session, mechanism }), options);
}

/** Creates a stream that encrypts or decrypts; see SecretKey.createEncrypt. */
export function createCipher(
  operation: 'encrypt' | 'decrypt',
  key: ModelKey,
  algorithm: MechanismInput,
  options: StreamOptions,
): CipherStream {
  checkOptions(options);
  key.use();
  const { input, handBack } = copyMechanism(algorithm);
  const mechanism = cipherMechanism(input);
  checkKeyType(OPERATIONS[operation], input, mechanism.mechanism, key.identity.keyType);
  const functions = operation === 'encrypt' ? ENCRYPT : DECRYPT;
  const { session } = key;
  const begin = (): Promise<Sink<Buffer>> => Multipart.begin({ functions, session, mechanism, key });
  return cipherStream(operation, { algorithm, mechanism, handBack, options }, begin);
}
