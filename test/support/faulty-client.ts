import type { KeyObject } from 'node:crypto';
import { type Client, type ClientPrivateKey, type ConnectOptions, connect } from 'cryptoki';
import { createSoftToken, FaultModule, type SoftToken, type SoftTokenOptions } from 'cryptoki/testing';
import { ensureSoftHSM } from '../../scripts/softhsm.mjs';

/** A client on a SoftHSM2 token of its own behind a FaultModule, and a key on it. */
export interface FaultyClient {
  readonly soft: SoftToken;
  readonly hsm: FaultModule;
  readonly client: Client;
  readonly key: ClientPrivateKey;
  readonly publicKey: KeyObject;
  /** Events of the client, such as 'recovering session'. */
  readonly events: string[];
  close(): Promise<void>;
}

/** Records the events of a client, such as 'recovering session'. */
export function eventsOf(client: Client): string[] {
  const events: string[] = [];
  client.on('recovering', ({ level }) => events.push(`recovering ${level}`));
  client.on('recovered', ({ level }) => events.push(`recovered ${level}`));
  client.on('down', () => events.push('down'));
  client.on('loggedOut', ({ reason }) => events.push(`logged out ${reason}`));
  client.on('login', () => events.push('login'));
  return events;
}

/** Makes the token and connects; the key is labelled 'signing'. */
export async function connectFaulty(
  options: ConnectOptions = {},
  tokenOptions: SoftTokenOptions = {},
): Promise<FaultyClient> {
  const soft = await createSoftToken({ module: await ensureSoftHSM(), ...tokenOptions });
  const hsm = await FaultModule.create({ module: soft.module, environment: soft.environment });
  const target = { module: hsm.path, token: { label: soft.label } };
  const client = await connect(target, { pin: soft.pin, ...options });
  const pair = await client.generateKeyPair('EC', { curve: 'P-256', label: 'signing', token: true });
  const key = await client.privateKey({ label: 'signing' });
  const publicKey = await pair.publicKey.toKeyObject();
  await key.sign('ECDSA-SHA256', Buffer.alloc(1)); // reads the values that a client reads once
  hsm.resetCounters();
  return {
    ...{ soft, hsm, client, key, publicKey, events: eventsOf(client) },
    close: async () => {
      hsm.clear();
      await client.close();
      await hsm[Symbol.asyncDispose]();
      soft.remove();
    },
  };
}
