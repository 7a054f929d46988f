import { Module, type PrivateKey, type PublicKey, type Session, type Token } from 'cryptoki';
import type { RawModule } from 'cryptoki/raw';
import { createSoftToken, FaultModule, type FaultModuleOptions, type SoftToken } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

/** An open FaultModule over a SoftHSM2 token of its own, with a session that is logged in. */
export interface Faulty {
  readonly soft: SoftToken;
  readonly hsm: FaultModule;
  readonly module: Module;
  readonly raw: RawModule;
  readonly token: Token;
  readonly session: Session;
  readonly privateKey: PrivateKey;
  readonly publicKey: PublicKey;
  /** Closes and removes everything. */
  close(): Promise<void>;
}

/** Makes a SoftHSM2 token, installs SoftHSM2 if necessary, and wraps it. */
export async function openFaulty(options: Partial<FaultModuleOptions> = {}): Promise<Faulty> {
  const soft = await createSoftToken({ module: await ensureSoftHSM() });
  const hsm = await FaultModule.create({ module: soft.module, environment: soft.environment, ...options });
  const module = await Module.open(hsm.path);
  const token = await module.token({ label: soft.label });
  const session = await token.openSession({ readWrite: true });
  await session.login(soft.pin);
  const pair = await session.generateKeyPair('EC', { curve: 'P-256', label: 'signing', token: true });
  return {
    ...{ soft, hsm, module, raw: module.raw, token, session, ...pair },
    close: async () => {
      hsm.clear();
      await module.close();
      await hsm[Symbol.asyncDispose]();
      soft.remove();
    },
  };
}
