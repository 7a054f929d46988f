import { type Attributes, Module, SESSION_STATES, type Session, type StateName, type Token } from 'cryptoki';
import { CKA, CKC, CKK, CKO } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openNss, whyNoNss } from '../../support/nss';
import { failure } from '../../support/open';
import { createToken } from '../../support/token';

type ObjectKind = keyof (typeof SESSION_STATES)['RW_SO_FUNCTIONS']['access'];
type Access = (typeof SESSION_STATES)['RW_SO_FUNCTIONS']['access'][ObjectKind];

const KINDS: readonly ObjectKind[] = ['publicSession', 'privateSession', 'publicToken', 'privateToken'];
// States of the security officer come first, because NSS lets it log in only before the user has a PIN.
const STATES = (Object.keys(SESSION_STATES) as StateName[]).reverse();

/** A module, and the credentials that bring a session of its token into a state. */
interface Subject {
  readonly module: Module;
  readonly token: Token;
  readonly pin: string;
  readonly soPin: string | null;
  /** True if the user has no PIN yet. */
  readonly isFresh: boolean;
  close(): Promise<void>;
}

async function softHsm(): Promise<Subject> {
  const its = await createToken('access');
  const module = await Module.open(its.module);
  const close = async (): Promise<void> => {
    await module.close();
    its.remove();
  };
  return {
    module,
    token: await module.token({ label: 'access' }),
    pin: its.pin,
    soPin: its.soPin,
    isFresh: false,
    close,
  };
}

/** NSS lets its security officer log in only while the user has no PIN, so the token is initialised again. */
async function nss(): Promise<Subject> {
  const { module, session, close } = await openNss();
  const { label, slot } = session.token;
  await session.logout();
  await session.close();
  const token = await slot.initToken({ label, soPin: null });
  return { module, token, pin: '1234', soPin: null, isFresh: true, close };
}

const traits = (kind: ObjectKind): { token: boolean; private: boolean } => ({
  token: kind.endsWith('Token'),
  private: kind.startsWith('private'),
});
/** Certificates and keys, because NSS has no data objects, no other public objects without login and no private certificates. */
const template = (kind: ObjectKind, label: string): Attributes =>
  kind.startsWith('private')
    ? {
        class: 'SECRET_KEY',
        keyType: 'AES',
        label,
        encrypt: true,
        value: Buffer.alloc(16, 1),
        ...traits(kind),
      }
    : {
        ...{
          class: 'CERTIFICATE',
          certificateType: 'X_509',
          label,
          value: Buffer.from('v'),
          ...traits(kind),
        },
        ...{ subject: Buffer.from('s'), issuer: Buffer.from('i'), serialNumber: Buffer.from(label) },
      };

/** Creates an object with the template by raw calls; undefined if the module refuses. */
async function create({ token, handle }: Session, kind: ObjectKind): Promise<bigint | undefined> {
  const common = [
    { type: CKA.LABEL, value: 'probe' },
    { type: CKA.TOKEN, value: traits(kind).token },
    { type: CKA.PRIVATE, value: traits(kind).private },
  ];
  const key = [
    { type: CKA.CLASS, value: CKO.SECRET_KEY },
    { type: CKA.KEY_TYPE, value: CKK.AES },
    { type: CKA.ENCRYPT, value: true },
    { type: CKA.VALUE, value: Buffer.alloc(16, 1) },
  ];
  const certificate = [
    { type: CKA.CLASS, value: CKO.CERTIFICATE },
    { type: CKA.CERTIFICATE_TYPE, value: CKC.X_509 },
    { type: CKA.SUBJECT, value: Buffer.from('s') },
    { type: CKA.ISSUER, value: Buffer.from('i') },
    { type: CKA.SERIAL_NUMBER, value: Buffer.from('probe') },
    { type: CKA.VALUE, value: Buffer.from('v') },
  ];
  try {
    const { raw } = token.slot.module;
    return await raw.C_CreateObject(handle, [...common, ...(traits(kind).private ? key : certificate)]);
  } catch {
    return undefined;
  }
}

/** Measures the access to objects of a kind that the module grants to a session. */
async function measured(session: Session, kind: ObjectKind): Promise<Access> {
  const made = await create(session, kind);
  if (made !== undefined) {
    const { raw } = session.token.slot.module;
    await raw.C_SetAttributeValue(session.handle, made, [{ type: CKA.LABEL, value: 'changed' }]);
    await raw.C_DestroyObject(session.handle, made);
    return 'readWrite';
  }
  const [found] = await session.find({ label: kind });
  return found === undefined ? 'none' : 'read';
}

const SUBJECTS: {
  name: string;
  why: string | undefined;
  open: () => Promise<Subject>;
  /** Differences between the module and the table. (NSS needs no login while the user has no PIN.) */
  differences: Partial<Record<StateName, Partial<Record<ObjectKind, Access>>>>;
}[] = [
  { name: 'SoftHSM2', why: undefined, open: softHsm, differences: {} },
  {
    name: 'NSS',
    why: whyNoNss,
    open: nss,
    differences: { RW_SO_FUNCTIONS: { privateSession: 'readWrite' } },
  },
];

describe.each(SUBJECTS)('the table of states on $name', ({ why, open, differences }) => {
  let subject: Subject;

  /** Creates the objects that the tests read. */
  async function fill(): Promise<void> {
    await using session = await subject.token.openSession({ readWrite: true });
    if (subject.isFresh) {
      await session.login(subject.soPin, { user: 'SO' });
      await session.initPin(subject.pin);
      await session.logout();
    }
    await session.login(subject.pin);
    for (const kind of ['publicToken', 'privateToken'] as const)
      await session.createObject(template(kind, kind));
  }
  beforeAll(async () => {
    if (why !== undefined) return;
    subject = await open();
    if (!subject.isFresh) await fill();
  });
  afterAll(() => subject?.close());

  test.skipIf(why !== undefined).each(STATES)('describes the module in the state %s', async (state) => {
    const { readWrite, user, access } = SESSION_STATES[state];
    if (state === 'RW_USER_FUNCTIONS' && subject.isFresh) await fill();
    await using session = await subject.token.openSession({ readWrite });
    if (user !== undefined) await session.login(user === 'SO' ? subject.soPin : subject.pin, { user });
    expect(session.state).toBe(state);
    const found: Partial<Record<ObjectKind, Access>> = {};
    for (const kind of KINDS) found[kind] = await measured(session, kind);
    expect(found).toEqual({ ...access, ...differences[state] });
    // For a token without a required login, the model leaves the check of private objects to the module.
    const { loginRequired } = await subject.token.info();
    for (const kind of KINDS) {
      if (!loginRequired && traits(kind).private) continue;
      const creating = session.createObject(template(kind, 'model'));
      if (access[kind] === 'readWrite' && found[kind] === 'readWrite') {
        await (await creating).destroy();
      } else if (access[kind] !== 'readWrite') {
        const error = await failure(creating);
        expect(error.code).toBe(
          access[kind] === 'read' ? 'ERR_CRYPTOKI_SESSION_READ_ONLY' : 'ERR_CRYPTOKI_ACCESS',
        );
        expect(error.message).toContain(state);
        expect(error.message).toContain(
          kind.replace(/(Token|Session)/, (word) => ` ${word.toLowerCase()} object`),
        );
      }
    }
    if (user !== undefined) await session.logout();
  });
});

describe('a call that the table of states forbids is refused before it is made', () => {
  let subject: Subject;
  let writing: Session;
  beforeAll(async () => {
    subject = await softHsm();
    writing = await subject.token.openSession({ readWrite: true });
  });
  afterAll(() => subject.close());

  /** Checks that the error is one of this package and names no C function. */
  async function refusal(call: Promise<unknown>): Promise<[string | undefined, string]> {
    const error = await failure(call);
    expect(error).toMatchObject({ function: undefined });
    return [error.code, error.message];
  }

  test('for each way of writing, with advice', async () => {
    await writing.login(subject.pin);
    const kept = await writing.createObject(template('publicToken', 'kept'));
    const reading = await subject.token.openSession();
    const seen = kept.on(reading);
    const own = await reading.createObject(template('publicSession', 'own'));
    for (const [verb, call] of [
      ['create a public token', reading.createObject(template('publicToken', 'x'))],
      ['generate a private token', reading.generateKey('AES', { token: true })],
      ['generate a public token', reading.generateKeyPair('EC', { curve: 'P-256', token: true })],
      ['copy a public token', own.copy({ token: true })],
      ['change a public token', seen.setAttributes({ label: 'x' })],
      ['destroy a public token', seen.destroy()],
    ] as const) {
      const [code, message] = await refusal(call);
      expect(code).toBe('ERR_CRYPTOKI_SESSION_READ_ONLY');
      expect(message).toContain(
        `in the state RO_USER_FUNCTIONS cannot ${verb} object (CKR_SESSION_READ_ONLY)`,
      );
      expect(message).toContain('openSession({ readWrite: true })');
    }
    await writing.logout();
    for (const [verb, call, advice] of [
      ['create a private session', writing.createObject(template('privateSession', 'x')), /log in with/],
      ['generate a private session', writing.generateKeyPair('EC', { curve: 'P-256' }), /log in with/],
      ['generate a private token', reading.generateKey('AES', { token: true }), /log in .* readWrite: true/],
      ['copy a private session', own.copy({ private: true }), /log in with/],
    ] as const) {
      const [code, message] = await refusal(call);
      expect(code).toBe('ERR_CRYPTOKI_ACCESS');
      expect(message).toContain(`cannot ${verb} object (CKR_USER_NOT_LOGGED_IN)`);
      expect(message).toMatch(advice);
    }
    await reading.close();
    await writing.login(subject.soPin, { user: 'SO' });
    const [code, message] = await refusal(writing.generateKey('AES'));
    expect(code).toBe('ERR_CRYPTOKI_ACCESS');
    expect(message).toContain('log the security officer out, then log in as USER');
    await kept.destroy();
    await writing.logout();
  });

  test('for read-only sessions beside the security officer, in both orders', async () => {
    const reading = await subject.token.openSession();
    const login = (): Promise<void> => writing.login(subject.soPin, { user: 'SO' });
    expect((await refusal(login()))[0]).toBe('ERR_CRYPTOKI_SO_READ_ONLY');
    await reading.close();
    await login();
    expect((await refusal(subject.token.openSession()))[0]).toBe('ERR_CRYPTOKI_SO_READ_ONLY');
    await writing.logout();
    await (await subject.token.openSession()).close();
  });

  test('and a call that it allows is made', async () => {
    await writing.login(subject.pin);
    const pair = await writing.generateKeyPair('EC', { curve: 'P-256', token: true });
    await pair.privateKey.setAttributes({ label: 'changed' });
    const copied = await pair.publicKey.copy({ token: false });
    await Promise.all([copied.destroy(), pair.privateKey.destroy(), pair.publicKey.destroy()]);
  });
});
