import { Module, type Slot } from 'cryptoki';
import { CKF } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reader, startReader, whyNoReader } from './support/reader';

describe.skipIf(whyNoReader !== undefined)(
  `a reader without a card (${whyNoReader ?? 'OpenSC, vpcd'})`,
  () => {
    let reader: Reader;
    let module: Module;
    let slot: Slot | undefined;

    beforeAll(async () => {
      reader = await startReader();
      module = await Module.open(reader.module);
      [slot] = await module.slots();
    });
    afterAll(async () => {
      await module.close();
      await reader.stop();
    });

    test('is a slot that says so', async () => {
      expect(slot).toBeDefined();
      expect((await slot?.info())?.tokenPresent).toBe(false);
      expect(await module.slots({ tokenPresent: true })).toEqual([]);
      expect(await module.tokens()).toEqual([]);
    });

    test('has no token', async () => {
      await expect(slot?.token()).rejects.toMatchObject({
        code: 'CKR_TOKEN_NOT_PRESENT',
        function: 'C_GetTokenInfo',
      });
      await expect(module.token()).rejects.toMatchObject({ code: 'ERR_CRYPTOKI_TOKEN_NOT_FOUND' });
    });

    test('opens no session', async () => {
      const id = slot?.id ?? 0n;
      await expect(module.raw.C_OpenSession(id, 4)).rejects.toMatchObject({ code: 'CKR_TOKEN_NOT_PRESENT' });
    });

    test('is asked for events without waiting', async () => {
      const event = module.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK);
      await expect(event).rejects.toMatchObject({ code: 'CKR_NO_EVENT', action: 'retry' });
    });
  },
);
