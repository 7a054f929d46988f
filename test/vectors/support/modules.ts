/** The modules for the vectors, with their known deviations. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CryptokiError, isCode, type MechanismName, Module, type Session } from 'cryptoki';
import { afterAll, beforeAll, describe, expect, type TestContext } from 'vitest';
import { opencryptoki } from '../../contract/modules/opencryptoki';
import { openToken } from '../../support/open';
import { type Gap, NSS_GAPS } from './gaps';
import { type Limit, NSS_LIMITS, OPENCRYPTOKI_LIMITS, SOFTHSM_LIMITS } from './limits';
import { NSS } from './nss';

interface Opened {
  readonly session: Session;
  close(): Promise<void>;
}

/** A module and its deviations. */
interface Description {
  readonly name: string;
  /** undefined if the module is not installed. */
  readonly open: () => Promise<Opened | undefined>;
  readonly limits: readonly Limit[];
  readonly gaps: readonly Gap[];
  /**
   * NSS stores the reason of a failure per thread, and a wrong signature often sets none: the verification then fails
   * with the reason of an earlier failure.
   */
  readonly staleReasons: boolean;
  /** Public keys of Edwards and Montgomery curves are raw bytes, not a DER OCTET STRING. */
  readonly rawPoints: boolean;
  /** NSS uses the length of the password as the pointer that it was before PKCS#11 2.40, errata 1, and crashes. */
  readonly passwordStructure: 'CK_PKCS5_PBKD2_PARAMS' | 'CK_PKCS5_PBKD2_PARAMS2';
  /** The mechanisms that are RFC 5649 and PKCS#7 padding: before PKCS#11 3.0, CKM_AES_KEY_WRAP_PAD could mean either. */
  readonly paddedWrap: { readonly kwp: MechanismName; readonly pkcs7: MechanismName };
  /** A vendor mechanism with which C_DeriveKey computes the public key of a private one. PKCS#11 has none. */
  readonly publicFromPrivate?: number;
}

/** libsoftokn3.so of NSS; CRYPTOKI_NSS can name another one than that of the system. */
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
    await session.login(null, { user: 'SO' });
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

/**
 * The soft token of openCryptoki. Its daemon and its files have fixed paths, which the contract suite uses too: it runs here
 * only with CRYPTOKI_OPENCRYPTOKI, and not at the same time.
 */
async function openOpencryptoki(): Promise<Opened | undefined> {
  if (process.env.CRYPTOKI_OPENCRYPTOKI === undefined) return undefined;
  if (opencryptoki.whyNot !== undefined) throw new Error(opencryptoki.whyNot);
  const { path, selector, pin = '', stop } = await opencryptoki.start();
  const module = await Module.open(path);
  const session = await (await module.token(selector)).openSession({ readWrite: true });
  await session.login(pin);
  return {
    session,
    close: async () => {
      await module.close();
      await stop();
    },
  };
}

const MODULES: readonly Description[] = [
  {
    name: 'SoftHSM2',
    open: () => openToken('vectors'),
    limits: SOFTHSM_LIMITS,
    gaps: [],
    staleReasons: false,
    rawPoints: false,
    passwordStructure: 'CK_PKCS5_PBKD2_PARAMS2',
    paddedWrap: { kwp: 'AES_KEY_WRAP_PAD', pkcs7: 'AES_KEY_WRAP_PKCS7' },
  },
  ...[1, 2].map((slot) => ({
    name: `NSS softokn, slot ${slot}`,
    open: () => openNss(slot),
    limits: NSS_LIMITS,
    gaps: NSS_GAPS,
    staleReasons: true,
    rawPoints: true,
    passwordStructure: 'CK_PKCS5_PBKD2_PARAMS' as const,
    paddedWrap: { kwp: 'AES_KEY_WRAP_KWP', pkcs7: 'AES_KEY_WRAP_PAD' } as const,
    publicFromPrivate: NSS.PUB_FROM_PRIV,
  })),
  {
    name: 'openCryptoki',
    open: openOpencryptoki,
    limits: OPENCRYPTOKI_LIMITS,
    gaps: [],
    staleReasons: false,
    rawPoints: false,
    passwordStructure: 'CK_PKCS5_PBKD2_PARAMS2',
    paddedWrap: { kwp: 'AES_KEY_WRAP_KWP', pkcs7: 'AES_KEY_WRAP_PAD' },
  },
];

/** A module while its tests run. */
export class Target {
  readonly description: Description;
  #opened: Opened | undefined;
  #mechanisms: ReadonlySet<MechanismName> = new Set();
  /** Mechanisms for which a test has passed. */
  readonly tested = new Set<MechanismName>();
  /** Mechanisms for which tests only failed in a known way, with the reason. */
  readonly limited = new Map<MechanismName, string>();

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

  /** Mechanisms that the module offers; undefined if it is not installed. */
  get mechanisms(): ReadonlySet<MechanismName> | undefined {
    return this.#opened === undefined ? undefined : this.#mechanisms;
  }

  /** True if the module offers a mechanism. */
  has(mechanism: MechanismName): boolean {
    return this.#mechanisms.has(mechanism);
  }

  /**
   * Runs a test that needs these mechanisms (one of each list). It is skipped, with the reason, if the module is not installed or
   * lacks one, and if it fails in a known way.
   */
  async run(
    context: TestContext,
    needed: readonly (MechanismName | readonly MechanismName[])[],
    action: (session: Session) => Promise<void>,
  ): Promise<void> {
    const opened = this.#opened;
    if (opened === undefined) return context.skip(`${this.description.name} is not here`);
    const used = needed.map((names) => {
      const alternatives: readonly MechanismName[] = Array.isArray(names) ? names : [names];
      const offered = alternatives.find((name) => this.#mechanisms.has(name));
      return offered ?? context.skip(`${this.description.name} has no ${alternatives.join(' or ')}`);
    });
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
    for (const mechanism of used) {
      if (limit === undefined) this.tested.add(mechanism);
      else this.limited.set(mechanism, limit.why);
    }
    if (limit !== undefined) context.skip(`${this.description.name}: ${limit.why}`);
  }

  /** Expects that a verification reports a wrong signature or MAC. */
  async expectWrong(verification: Promise<boolean>): Promise<void> {
    const verdict = await verification.catch((error: unknown) => {
      if (this.description.staleReasons && error instanceof CryptokiError && /^CKR_/.test(error.code))
        return false;
      throw error;
    });
    expect(verdict).toBe(false);
  }
}

const TARGETS = MODULES.map((description) => new Target(description));

/** Registers the same tests for every module. */
export function onEachModule(body: (target: Target) => void): void {
  for (const target of TARGETS) {
    describe(target.description.name, () => {
      beforeAll(() => target.open());
      afterAll(() => target.close());
      body(target);
    });
  }
}
