import { verify } from 'node:crypto';
import { type Client, type ConnectOptions, connect, Module, type Session, type Token } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';
import { createToken } from '../../support/token';

/** A SoftHSM2 token for one test file, behind the fault module, whose counters SoftHSM2 does not have. */
export interface Ground {
  /** `module` is the fault module, `real` SoftHSM2 itself; `config` is the value of SOFTHSM2_CONF. */
  readonly test: Readonly<Record<'module' | 'real' | 'label' | 'pin' | 'soPin' | 'config', string>>;
  readonly fault: FaultModule;
  /** Another Module object in the same process, to look at the token without the client. */
  readonly module: Module;
  /** Connects a client to the token, with a login unless the options say otherwise. */
  connect(options?: ConnectOptions): Promise<Client>;
  /** Number of sessions that this process has open on its tokens. */
  sessions(): number;
  /** Number of calls of a function since {@link clean}. */
  calls(name: 'C_Login' | 'C_Logout' | 'C_OpenSession' | 'C_Sign' | 'C_GenerateKeyPair'): number;
  token(): Promise<Token>;
  /** Logs out, as another part of the program could. */
  logOutElsewhere(): Promise<void>;
  /** Closes the clients, then checks for open sessions and for violations of PKCS#11 rules. Call it in afterEach. */
  clean(): Promise<void>;
  /** Call it in afterAll. */
  close(): Promise<void>;
}

/** Call it in beforeAll. */
export async function prepare(label: string, others: readonly string[] = []): Promise<Ground> {
  const created = await createToken(label);
  for (const other of others) await created.addToken(other);
  const fault = await FaultModule.create({ module: created.module });
  const { pin, soPin, config } = created;
  const test = { module: fault.path, real: created.module, label, pin, soPin, config };
  const module = await Module.open(test.module);
  const clients: Client[] = [];
  const token = () => module.token({ label });
  const sessions = () => fault.counters().openSessions;
  return {
    test,
    fault,
    module,
    token,
    sessions,
    calls: (name) => fault.counters().calls[name] ?? 0,
    connect: async (options = {}) => {
      const client = await connect({ module: test.module, token: { label } }, { pin: test.pin, ...options });
      clients.push(client);
      return client;
    },
    logOutElsewhere: async () => {
      await using session = await (await token()).openSession();
      await session.logout();
    },
    clean: async () => {
      fault.clear();
      for (const client of clients.splice(0)) await client.close();
      const left = sessions();
      const violations = JSON.stringify(fault.violations);
      fault.resetCounters();
      if (left !== 0) throw new Error(`${left} sessions are left on the token`);
      if (violations !== '[]') throw new Error(violations);
    },
    close: async () => {
      await module.close();
      await fault[Symbol.asyncDispose]();
      created.remove();
    },
  };
}

/** A promise that the test settles. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Lends a session of the client until the gate opens. Fulfilled when the session is lent. */
export function hold(client: Client): Promise<{ session: Session; back: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const { opened, open } = gate();
    const ended = client.withSession(async (session) => {
      const back = async (): Promise<void> => {
        open();
        await ended;
      };
      resolve({ session, back });
      await opened;
    });
    ended.catch(reject);
  });
}

export const MESSAGE = Buffer.from('a message of the test');

/** A key pair on the token, and a check of its signatures with node:crypto. */
export async function signer(client: Client, token = false) {
  const { privateKey, publicKey } = await client.generateKeyPair('EC', {
    curve: 'P-256',
    label: `signer ${Math.random()}`,
    id: Buffer.from(String(Math.random())),
    token,
  });
  const key = await publicKey.toKeyObject();
  const isRight = (signature: Buffer, message: Buffer = MESSAGE): boolean =>
    verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
  return { privateKey, publicKey, isRight };
}
