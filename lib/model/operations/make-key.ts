/** Calls that make a key with another one, and the proof that the new key cannot do more than was asked for. */
import { CryptokiError, ownError } from '../../core/errors';
import type { RawModule } from '../../raw';
import type { RawAttribute } from '../../raw/values';
import { type AttributeName, type Attributes, attributeType, fromResults, toTemplate } from '../attributes';
import { loginEpoch, useForWriting } from '../login/session-access';
import type { MadeObject, ModelKey } from '../model-types';
import { traitsOf } from '../objects/new-key';

/** Attributes whose requested value a key must have, because another one would let it do more. */
const LIMITS = [
  ...(['encrypt', 'decrypt', 'sign', 'verify', 'wrap', 'unwrap', 'derive', 'extractable'] as const),
  'sensitive',
] as const satisfies readonly AttributeName[];

const isLimit = (name: (typeof LIMITS)[number], { [name]: requested }: Attributes): boolean =>
  requested === (name === 'sensitive');

/**
 * Removes capabilities that the module has given the key against the template: NSS gives an unwrapped private key all those of its
 * type. If it does not let them be removed, the key is destroyed.
 * @throws ERR_CRYPTOKI_UNSUPPORTED
 */
async function confine(
  raw: RawModule,
  session: bigint,
  handle: bigint,
  requested: Attributes,
): Promise<void> {
  const names = LIMITS.filter((name) => isLimit(name, requested));
  const results = await raw.C_GetAttributeValue(session, handle, names.map(attributeType)).catch(() => []);
  const values: Readonly<Record<string, unknown>> = fromResults(names, results);
  const wrong = names.filter((name) => typeof values[name] === 'boolean' && values[name] !== requested[name]);
  if (wrong.length === 0) return;
  try {
    const change: unknown = Object.fromEntries(wrong.map((name) => [name, requested[name]]));
    await raw.C_SetAttributeValue(session, handle, toTemplate(change as Attributes));
  } catch (cause) {
    if (!(cause instanceof CryptokiError)) throw cause;
    await raw.C_DestroyObject(session, handle).catch(() => {}); // a failure means that the session has ended
    throw ownError(
      'ERR_CRYPTOKI_UNSUPPORTED',
      `the module does not set these attributes of the new key as requested: ${wrong.join(', ')}. The key was destroyed; ` +
        'if the key may have these values, request them',
      { cause },
    );
  }
}

/**
 * Makes a key by one call, after the session was checked for the write access that the template needs.
 * @param call returns the handle of the new key
 * @throws ERR_CRYPTOKI_SESSION_READ_ONLY, ERR_CRYPTOKI_ACCESS, ERR_CRYPTOKI_UNSUPPORTED
 */
export async function makeKey(
  key: ModelKey,
  requested: Attributes,
  call: (raw: RawModule, template: readonly RawAttribute[]) => Promise<bigint>,
): Promise<MadeObject> {
  key.use();
  const { session } = key;
  const raw = useForWriting(session, 'generate', traitsOf(requested));
  const epoch = loginEpoch(session);
  const handle = await call(raw, toTemplate(requested));
  await confine(raw, session.name, handle, requested);
  return { handle, requested, loginEpoch: epoch };
}

/** Checks names and write access before any call. @throws as {@link makeKey}; TypeError ERR_INVALID_ARG_VALUE */
export function checkRequested(key: ModelKey, requested: Attributes): void {
  toTemplate(requested);
  useForWriting(key.session, 'generate', traitsOf(requested));
}
