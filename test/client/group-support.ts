/** Tokens with the same keys: each is a SoftHSM2 of its own behind a fault module. */
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import {
  type Attributes,
  type ClientGroup,
  type ConnectTarget,
  connect,
  type GroupOptions,
  type GroupPrivateKey,
  Module,
  type Session,
} from 'cryptoki';
import { createSoftToken, FaultModule } from 'cryptoki/testing';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';

/** A token and its fault module. */
export interface Hsm {
  readonly fault: FaultModule;
  readonly target: ConnectTarget;
  readonly pin: string;
  /** Runs an action on the token in a logged-in session that does not belong to a client. */
  with<T>(work: (session: Session) => Promise<T>): Promise<T>;
  /** Number of calls of a function so far. */
  calls(name: 'C_Sign' | 'C_Login' | 'C_GetSlotList'): number;
  remove(): Promise<void>;
}

export const PIN = '27182818';

/** Makes a token with these objects. */
export async function createHsm(label: string, objects: readonly Attributes[] = []): Promise<Hsm> {
  const token = await createSoftToken({ label, pin: PIN });
  const fault = await FaultModule.create({
    module: token.module,
    environment: token.environment,
  });
  const hsm: Hsm = {
    fault,
    target: { module: fault.path, token: { label } },
    pin: PIN,
    with: async (work) => {
      const module = await Module.open(fault.path);
      try {
        const session = await (await module.token({ label })).openSession({ readWrite: true });
        if (session.token.user === undefined) await session.login(PIN);
        return await work(session);
      } finally {
        await module.close();
      }
    },
    calls: (name) => fault.counters().calls[name] ?? 0,
    remove: async () => {
      await fault[Symbol.asyncDispose]();
      token.remove();
    },
  };
  if (objects.length > 0) await put(hsm, objects);
  return hsm;
}

/** Creates token objects. */
export async function put(hsm: Hsm, objects: readonly Attributes[]): Promise<void> {
  await hsm.with(async (session) => {
    for (const attributes of objects) await session.createObject({ token: true, ...attributes });
  });
}

/** Destroys all objects with these attributes. */
export async function take(hsm: Hsm, attributes: Attributes | 'all'): Promise<void> {
  await hsm.with(async (session) => {
    for (const object of await session.find(attributes)) await object.destroy();
  });
}

/** A key pair as attributes of token objects, with its public key for node:crypto. */
export interface TestKey {
  readonly privateKey: Attributes;
  readonly publicKey: Attributes;
  readonly key: KeyObject;
}

const P256 = Buffer.from('06082a8648ce3d030107', 'hex');

export function ecKey(label: string, more: Attributes = {}): TestKey {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { d, x, y } = pair.privateKey.export({ format: 'jwk' });
  const point = Buffer.concat([
    Buffer.from([4, 65, 4]),
    Buffer.from(x as string, 'base64url'),
    Buffer.from(y as string, 'base64url'),
  ]);
  const common = { keyType: 'EC', label, id: Buffer.from(label), ecParams: P256 } as const;
  return {
    privateKey: {
      ...{ class: 'PRIVATE_KEY', ...common, value: Buffer.from(d as string, 'base64url') },
      ...{ sign: true, private: true, sensitive: true, ...more },
    },
    publicKey: { class: 'PUBLIC_KEY', ...common, ecPoint: point, verify: true, private: false },
    key: pair.publicKey,
  };
}

export function rsaKey(label: string): TestKey {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n, e, d, p, q, dp, dq, qi } = pair.privateKey.export({ format: 'jwk' }) as Record<string, string>;
  const bytes = (text: string | undefined): Buffer => Buffer.from(text as string, 'base64url');
  const common = {
    keyType: 'RSA',
    label,
    id: Buffer.from(label),
    modulus: bytes(n),
    publicExponent: bytes(e),
  };
  return {
    privateKey: {
      ...{ class: 'PRIVATE_KEY', ...common, sign: true, decrypt: true, private: true },
      ...{ privateExponent: bytes(d), prime1: bytes(p), prime2: bytes(q) },
      ...{ exponent1: bytes(dp), exponent2: bytes(dq), coefficient: bytes(qi) },
    } as Attributes,
    publicKey: { class: 'PUBLIC_KEY', ...common, verify: true, encrypt: true, private: false } as Attributes,
    key: pair.publicKey,
  };
}

export const MESSAGE = Buffer.from('the message');

export function isGood(key: KeyObject, signature: Buffer): boolean {
  return verify('sha256', MESSAGE, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

/** Waits until a condition is true. */
export async function until(condition: () => boolean, what: string, time = 10_000): Promise<void> {
  const end = performance.now() + time;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${time} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Two tokens with the same keys, which all tests of a file share, and the group that a test makes of them. */
export interface Pair {
  a: Hsm;
  b: Hsm;
  /** The group; afterEach closes it. */
  group: ClientGroup | undefined;
  /** Events of the members, such as 'a down' and 'b up'. */
  readonly told: string[];
  /** Makes the group, with short pauses of the circuit breaker. */
  join(options?: GroupOptions): Promise<ClientGroup>;
  /** Records the events of a group in `told`. */
  listen(group: ClientGroup): void;
}

export const QUICK = { openTime: 50, maxOpenTime: 200, probeTimeout: 2_000 };

/** Call it at the top of a test file: it makes the tokens before the tests and checks for leaks after each of them. */
export function pairOf(keys: readonly TestKey[]): Pair {
  const told: string[] = [];
  const its: Pair = {
    a: undefined as unknown as Hsm, // set by beforeAll
    b: undefined as unknown as Hsm,
    group: undefined,
    told,
    join: async (options) => {
      const group = await connect([its.a.target, its.b.target], { pin: PIN, breaker: QUICK, ...options });
      its.group = group;
      its.listen(group);
      return group;
    },
    listen: (group) => {
      told.length = 0;
      group.on('memberDown', ({ member }) => told.push(`${member} down`));
      group.on('memberUp', ({ member }) => told.push(`${member} up`));
    },
  };
  beforeAll(async () => {
    const objects = keys.flatMap(({ privateKey, publicKey }) => [privateKey, publicKey]);
    its.a = await createHsm('a', objects);
    its.b = await createHsm('b', objects);
  });
  afterEach(async () => {
    for (const { fault } of [its.a, its.b]) {
      fault.clear();
      fault.insertToken();
    }
    await its.group?.close();
    its.group = undefined;
    for (const { fault } of [its.a, its.b]) {
      expect(fault.violations).toEqual([]);
      expect(fault.counters().openSessions).toBe(0);
    }
  });
  afterAll(async () => {
    await its.a?.remove();
    await its.b?.remove();
  });
  return its;
}

/** Counts the operations of each member from now on. */
export function counting(group: ClientGroup): () => number[] {
  const made = (): number[] => group.statistics().members.map(({ operations }) => operations);
  const before = made();
  return () => made().map((number, index) => number - (before[index] as number));
}

/** Makes `count` signatures at the same time. */
export function signAll(key: GroupPrivateKey, times: number): Promise<Buffer[]> {
  return Promise.all(Array.from({ length: times }, () => key.sign('ECDSA-SHA256', MESSAGE)));
}
