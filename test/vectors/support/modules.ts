/** The modules that the vectors run on, and what is known of them. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCode, type MechanismName, Module, type Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, type TestContext } from 'vitest';
import { openToken } from '../../support/open';
import { type Limit, NSS_LIMITS, SOFTHSM_LIMITS } from './limits';

interface Opened {
  readonly session: Session;
  close(): Promise<void>;
}

/** A module, and where it differs from others. */
interface Description {
  readonly name: string;
  /** undefined when the module is not on this machine. */
  readonly open: () => Promise<Opened | undefined>;
  readonly limits: readonly Limit[];
  /** What verification of an HMAC fails with where it should say that it is wrong. */
  readonly wrongMac: readonly `CKR_${string}`[];
  /** Public keys of Edwards and Montgomery curves are raw bytes, not a DER OCTET STRING. */
  readonly rawPoints: boolean;
  /** NSS takes the length of the password for the pointer that it was before PKCS#11 2.40, errata 1, and crashes. */
  readonly passwordStructure: 'CK_PKCS5_PBKD2_PARAMS' | 'CK_PKCS5_PBKD2_PARAMS2';
  /** The mechanisms that are RFC 5649 and PKCS#7 padding: before PKCS#11 3.0, CKM_AES_KEY_WRAP_PAD was read as either. */
  readonly paddedWrap: { readonly kwp: MechanismName; readonly pkcs7: MechanismName };
}

/** libsoftokn3.so of NSS; CRYPTOKI_NSS names another one than the system's. */
function findNss(): string | undefined {
  const { CRYPTOKI_NSS } = process.env;
  if (CRYPTOKI_NSS !== undefined) return CRYPTOKI_NSS;
  const folders = ['/usr/lib', '/usr/lib64'].filter((path) => existsSync(path));
  const multiarch = folders.flatMap((path) =>
    readdirSync(path)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(path, name)),
  );
  return [...folders, ...multiarch]
    .flatMap((path) => [join(path, 'libsoftokn3.so'), join(path, 'nss', 'libsoftokn3.so')])
    .find((path) => existsSync(path));
}

const PIN = 'a pin of NSS 1';

/** @param slot 1: no login, session objects only; 2: the database */
async function openNss(slot: number): Promise<Opened | undefined> {
  const library = findNss();
  if (library === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'cryptoki-nss-'));
  const module = await Module.open(library, {
    libraryParameters: `configdir='sql:${directory}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=`,
  });
  const session = await (await (await module.slot(slot)).token()).openSession({ readWrite: true });
  if (slot === 2) {
    await session.login('', { user: 'SO' });
    await module.raw.C_InitPIN(session.handle, PIN);
    await session.logout();
    await session.login(PIN);
  }
  return {
    session,
    close: async () => {
      await module.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const MODULES: readonly Description[] = [
  {
    name: 'SoftHSM2',
    open: () => openToken('vectors'),
    limits: SOFTHSM_LIMITS,
    wrongMac: [],
    rawPoints: false,
    passwordStructure: 'CK_PKCS5_PBKD2_PARAMS2',
    paddedWrap: { kwp: 'AES_KEY_WRAP_PAD', pkcs7: 'AES_KEY_WRAP_PKCS7' },
  },
  ...[1, 2].map((slot) => ({
    name: `NSS softokn, slot ${slot}`,
    open: () => openNss(slot),
    limits: NSS_LIMITS,
    wrongMac: ['CKR_DEVICE_ERROR'] as const,
    rawPoints: true,
    passwordStructure: 'CK_PKCS5_PBKD2_PARAMS' as const,
    paddedWrap: { kwp: 'AES_KEY_WRAP_KWP', pkcs7: 'AES_KEY_WRAP_PAD' } as const,
  })),
];

/** A module while its tests run. */
export class Target {
  readonly description: Description;
  #opened: Opened | undefined;
  #mechanisms: ReadonlySet<MechanismName> = new Set();

  constructor(description: Description) {
    this.description = description;
  }

  async open(): Promise<void> {
    this.#opened = await this.description.open();
    if (this.#opened === undefined) return;
    this.#mechanisms = new Set(await this.#opened.session.token.slot.mechanisms());
  }

  async close(): Promise<void> {
    await this.#opened?.close();
  }

  /**
   * Runs a test that needs these mechanisms (one of each list). It is skipped, with the reason, when the module is not
   * there or lacks one, and when it fails in a way that is known of the module.
   */
  async run(
    context: TestContext,
    needed: readonly (MechanismName | readonly MechanismName[])[],
    action: (session: Session) => Promise<void>,
  ): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return context.skip(`${this.description.name} is not on this machine`);
    for (const names of needed) {
      const alternatives = Array.isArray(names) ? names : [names];
      if (alternatives.some((name) => this.#mechanisms.has(name))) continue;
      context.skip(`${this.description.name} has no ${alternatives.join(' or ')}`);
    }
    let limit: Limit | undefined;
    try {
      await action(opened.session);
    } catch (error) {
      const { name } = context.task;
      limit = this.description.limits.find(
        ({ test, code }) => test.test(name) && (isCode(error, code) || (error as Error).name === code),
      );
      if (limit === undefined) throw error;
    }
    if (limit !== undefined) context.skip(`${this.description.name}: ${limit.why}`);
  }

  /** Expects that a verification finds the MAC wrong. */
  async expectWrongMac(verification: Promise<boolean>): Promise<void> {
    const verdict = await verification.catch((error: unknown) => {
      if (isCode(error, ...this.description.wrongMac)) return false;
      throw error;
    });
    expect(verdict).toBe(false);
  }
}

/** Registers the same tests for every module. */
export function onEachModule(body: (target: Target) => void): void {
  for (const description of MODULES) {
    describe(description.name, () => {
      const target = new Target(description);
      beforeAll(() => target.open());
      afterAll(() => target.close());
      body(target);
    });
  }
}
