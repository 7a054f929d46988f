import { setTimeout } from 'node:timers/promises';
import { Module, type Slot } from 'cryptoki';
import { CKF } from 'cryptoki/raw';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failure } from '../support/open';
import { type Reader, startReader, whyNoReader } from '../support/reader';

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

    test('reports a removable slot without a token', async () => {
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

    test('refuses to open a session', async () => {
      const id = slot?.id ?? 0n;
      await expect(module.raw.C_OpenSession(id, 4)).rejects.toMatchObject({ code: 'CKR_TOKEN_NOT_PRESENT' });
    });

    test('reports no event when C_WaitForSlotEvent does not block', async () => {
      const event = module.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK);
      await expect(event).rejects.toMatchObject({ code: 'CKR_NO_EVENT', action: 'retry' });
    });

    test('ends a blocking wait for a slot event when the wait is aborted', async () => {
      const waits = [module.raw.C_WaitForSlotEvent(0), module.raw.C_WaitForSlotEvent(0)].map(failure);
      await setTimeout(300);
      module.raw.cancelWaitForSlotEvent();
      for (const error of await Promise.all(waits)) {
        expect(error).toMatchObject({ code: 'CKR_FUNCTION_CANCELED', function: 'C_WaitForSlotEvent' });
      }
      module.raw.cancelWaitForSlotEvent();
    });

    test('ends each blocking wait for a slot event when the module is finalised', async () => {
      await module.close();
      for (let round = 0; round < 30; round += 1) {
        const again = await Module.open(reader.module);
        const wait = failure(again.raw.C_WaitForSlotEvent(0));
        if (round % 2 === 0) await setTimeout(round);
        await again.close();
        expect(await wait).toMatchObject({ code: 'CKR_CRYPTOKI_NOT_INITIALIZED' });
      }
    });
  },
);
