import { randomBytes } from 'node:crypto';
import {
  type Attributes,
  type KeyPair,
  type KeyType,
  type KeyUsage,
  Module,
  type SecretKey,
  type Session,
  type Token,
  type TokenInfo,
} from 'cryptoki';
import { CKF, CKM, type RawModule } from 'cryptoki/raw';
import { expect, test as vitest } from 'vitest';
import {
  type Facts,
  NOT_THERE,
  type OptionalFunction,
  type Situation,
  STANDARD,
  USUAL,
} from '../expectations/expectations';
import { type ContractModule, isRequired, NotStarted, type Started } from '../modules/contract-module';
import { expectDeviation } from './outcome';
import { nodeHasMlDsa, nodeHasMlKem } from './post-quantum';
import { TRUE_USAGES } from './usages';

/**
 * A requirement of a test: 'AES_GCM:ENCRYPT' is a mechanism with that flag, 'X|Y' either of two, and any other text a feature
 * that the module has unless its expectations or its token deny it.
 */
export type Needs = readonly string[];

/** Defines a test of a chapter. */
export type Define = (name: string, needs: Needs, body: () => Promise<void>) => void;

/** A started module and the objects that its tests share. One for each test file. */
export class Contract {
  readonly its: ContractModule;
  readonly facts: Facts;
  module!: Module;
  token!: Token;
  /** A session with a user login, read/write if the token allows it. */
  session!: Session;
  #started!: Started;
  #whyNotStarted: string | undefined;
  #info!: TokenInfo;
  readonly #mechanisms = new Map<number, number>();
  readonly #keys = new Map<string, Promise<unknown>>();
  #epoch = -1;
  readonly #defined = new Set<string>();

  constructor(its: ContractModule) {
    this.its = its;
    this.facts = { ...USUAL, ...its.expectations.facts };
  }

  /** Starts the module. A module that does not start is skipped by name, or fails the tests where CI requires it. */
  async start(): Promise<void> {
    try {
      this.#started = await this.its.start();
    } catch (error) {
      if (!(error instanceof NotStarted) || isRequired(this.its)) throw error;
      this.#whyNotStarted = error.message;
      process.stderr.write(`SKIPPED: ${this.its.name}: ${error.message}\n`);
      return;
    }
    const { path, options, selector } = this.#started;
    this.module = await Module.open(path, options);
    this.token = await this.module.token(selector);
    this.#info = await this.token.info();
    for (const mechanism of await this.raw.C_GetMechanismList(this.slot)) {
      const { flags } = await this.raw.C_GetMechanismInfo(this.slot, mechanism);
      this.#mechanisms.set(mechanism, flags);
    }
    await this.reopen();
  }

  /** Opens a new session with login after a test that closed all sessions. */
  async reopen(): Promise<void> {
    this.#keys.clear(); // session objects ended with the session
    this.session = await this.open();
    if (this.#info.loginRequired) await this.session.login(this.pin);
  }

  async stop(): Promise<void> {
    if (this.#whyNotStarted !== undefined) return;
    try {
      if (!this.#info?.writeProtected && !this.session?.closed) {
        for (const object of await this.session.find()) await object.destroy().catch(() => {}); // built-in objects cannot be destroyed
      }
    } finally {
      await this.module?.close();
      await this.#started?.stop();
    }
  }

  get raw(): RawModule {
    return this.module.raw;
  }
  get slot(): bigint {
    return this.token.slot.id;
  }
  get pin(): string {
    return this.#started.pin ?? '';
  }
  get soPin(): string {
    return this.#started.soPin ?? '';
  }
  get started(): Started {
    return this.#started;
  }

  open(readWrite = !this.#info.writeProtected): Promise<Session> {
    return this.token.openSession({ readWrite });
  }

  /** Returns the error code of this module for a situation, for toEqual. */
  code(situation: Situation): unknown {
    const code = this.its.expectations.codes?.[situation]?.code ?? STANDARD[situation];
    return typeof code === 'string' ? code : expect.stringMatching(code);
  }

  /** Returns the result of this module for a trial call of a function that not every module has. */
  answer(name: OptionalFunction): string {
    return this.its.expectations.functions?.[name]?.code ?? NOT_THERE;
  }

  /** Returns true if the token reports a mechanism with a flag, given as 'AES_GCM:ENCRYPT'. */
  has(mechanism: string): boolean {
    const [name = '', flag = ''] = mechanism.split(':');
    const flags = this.#mechanisms.get((CKM as Readonly<Record<string, number>>)[name] as number);
    return flags !== undefined && (flags & ((CKF as Readonly<Record<string, number>>)[flag] as number)) !== 0;
  }

  /** Returns the reason why a test cannot run; undefined if it can. */
  missing(needs: Needs): string | undefined {
    if (this.#whyNotStarted !== undefined) return this.#whyNotStarted;
    for (const need of needs) {
      const lack = this.its.expectations.lacks?.[need] ?? this.#reported(need);
      if (lack !== undefined) return lack;
      if (need.includes(':') && !need.split('|').some((one) => this.has(one)))
        return `the token has no ${need}`;
    }
    return undefined;
  }

  #reported(feature: string): string | undefined {
    const { loginRequired, writeProtected, flags } = this.#info;
    if (feature === 'login' && !loginRequired) return 'the token has no login';
    if (feature === 'so' && this.#started.soPin === undefined) return 'nobody can be its security officer';
    if (feature === 'token data' && writeProtected) return 'the token is write-protected';
    if (feature === 'random' && (flags & CKF.RNG) === 0) return 'the token has no random numbers';
    if (feature === '3.0' && this.#version < 3) return 'the module has no PKCS#11 3.0';
    if (feature === '3.2' && this.#version < 3.2) return 'the module has no PKCS#11 3.2';
    if (feature === 'ML-DSA in Node' && !nodeHasMlDsa) return 'this Node.js has no ML-DSA';
    if (feature === 'ML-KEM in Node' && !nodeHasMlKem) return 'this Node.js has no ML-KEM';
    if (feature === 'session objects' && this.facts.tokenKeys) return 'the token has no session objects';
    return undefined;
  }

  /** Version of the function list as a number, such as 3.2. */
  get #version(): number {
    const { major, minor } = this.raw.description().version;
    return Number(`${major}.${minor}`);
  }

  /** Returns the function with which a chapter defines its tests. */
  chapter(chapter: string): { test: Define } {
    return { test: (name, needs, body) => this.#define(`${chapter}: ${name}`, name, needs, body) };
  }

  #define(id: string, name: string, needs: Needs, body: () => Promise<void>): void {
    this.#defined.add(id);
    const deviation = this.its.expectations.deviations?.[id];
    if (deviation?.skip) {
      vitest.skip(`${name} (${deviation.why})`, () => {});
      return;
    }
    vitest(name, async ({ skip }) => {
      const missing = this.missing(needs);
      skip(missing !== undefined, missing);
      try {
        if (deviation === undefined) await body();
        else await expectDeviation(deviation, body);
        if (!deviation?.breaks) await this.expectUsable();
      } catch (error) {
        await this.#renew(); // a session that a test spoilt must not fail later tests
        throw error;
      }
      if (deviation?.breaks) await this.#renew();
    });
  }

  async #renew(): Promise<void> {
    await this.raw.C_CloseAllSessions(this.slot);
    await this.reopen();
  }

  /** Fails for an expectation whose test does not exist; such a line would otherwise remain unnoticed. */
  expectAllUsed(): void {
    const named = Object.keys(this.its.expectations.deviations ?? {});
    expect(named.filter((id) => !this.#defined.has(id))).toEqual([]);
  }

  /** Checks that no operation is active on the session: it finds, digests and signs. */
  async expectUsable(): Promise<void> {
    await this.session.find('all', { limit: 1 });
    if (this.has('SHA256:DIGEST')) {
      expect(await this.session.digest('SHA-256', Buffer.from('still there'))).toHaveLength(32);
    }
    if (this.missing(['write', 'import', 'SHA256_HMAC:SIGN']) !== undefined || !this.#mayUseKeys) return;
    const { key } = await this.hmac();
    expect(await key.sign('HMAC-SHA256', Buffer.from('x'))).toHaveLength(32);
  }

  get #mayUseKeys(): boolean {
    return !this.#info.loginRequired || this.session.state.includes('_USER_');
  }

  /** Returns a key that tests share; creates it again when the login under which it was made has ended. */
  async keyFor<T>(name: string, make: () => Promise<T>): Promise<T> {
    const epoch = this.raw.loginEpoch(this.slot);
    if (epoch !== this.#epoch) this.#keys.clear();
    this.#epoch = epoch;
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = make();
      this.#keys.set(name, key);
    }
    return key as Promise<T>;
  }

  /** A key pair by curve, or 'RSA'. */
  pair(name: string, usage: KeyUsage = 'sign'): Promise<KeyPair> {
    return this.keyFor(`${name} ${usage}`, () => this.makePair(name, usage));
  }

  makePair(
    name: string,
    usage: KeyUsage = 'sign',
    extra: { privateKey?: Attributes } = {},
  ): Promise<KeyPair> {
    const common = {
      ...{ usage: [usage], token: this.facts.tokenKeys, label: `${name} ${usage}` },
      ...(this.facts.trueUsagesOnly ? TRUE_USAGES[usage] : {}),
      ...extra,
    };
    if (name === 'RSA') return this.session.generateKeyPair('RSA', { modulusBits: 2048, ...common });
    return this.session.generateKeyPair(familyOf(name), { curve: name, ...common });
  }

  /** A secret key with this value. */
  async secret(keyType: KeyType, value: Buffer, attributes: Attributes): Promise<SecretKey> {
    const key = await this.session.createObject({
      class: 'SECRET_KEY',
      keyType,
      token: this.facts.tokenKeys,
      private: true,
      sensitive: false,
      extractable: true,
      value,
      ...attributes,
    });
    return key as SecretKey;
  }

  /** An AES key and its value. */
  aes(bytes = 32): Promise<{ key: SecretKey; value: Buffer }> {
    return this.keyFor(`AES ${bytes}`, async () => {
      const value = randomBytes(bytes);
      return { value, key: await this.secret('AES', value, { encrypt: true, decrypt: true }) };
    });
  }

  /** A key for MACs and its value. */
  hmac(): Promise<{ key: SecretKey; value: Buffer }> {
    return this.keyFor('hmac', async () => {
      const value = randomBytes(64);
      return { value, key: await this.secret('GENERIC_SECRET', value, { sign: true, verify: true }) };
    });
  }
}

/** Key pair type of a curve. */
export function familyOf(curve: string): 'EC' | 'EC_EDWARDS' | 'EC_MONTGOMERY' {
  return curve.startsWith('Ed') ? 'EC_EDWARDS' : curve.startsWith('X') ? 'EC_MONTGOMERY' : 'EC';
}

/** Requirements of a key pair by curve, or 'RSA'. */
export function pairNeeds(name: string): Needs {
  if (name === 'RSA') return ['write', 'RSA_PKCS_KEY_PAIR_GEN:GENERATE_KEY_PAIR'];
  return ['write', `${familyOf(name)}_KEY_PAIR_GEN:GENERATE_KEY_PAIR`, `curve ${name}`];
}

/** The messages with which every operation is tested. */
export const MESSAGES: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  short: Buffer.from('message'),
  'of 100 kB': Buffer.alloc(100_000, 'abc'),
};
