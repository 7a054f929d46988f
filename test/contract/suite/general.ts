import { Module } from 'cryptoki';
import { CKF, CKM } from 'cryptoki/raw';
import { expect } from 'vitest';
import type { Contract } from './contract';
import { codeOf } from './outcome';

const version = { major: expect.any(Number), minor: expect.any(Number) };

export function general(contract: Contract): void {
  const { test } = contract.chapter('general');

  test('the module describes itself', [], async () => {
    const info = await contract.module.info();
    expect(info).toMatchObject({ cryptokiVersion: version, libraryVersion: version });
    expect(info.cryptokiVersion.major).toBeGreaterThanOrEqual(2);
    for (const text of [info.manufacturer, info.description]) expect(text).toBe(text.trimEnd());
    expect(contract.raw.C_GetInfoSync()).toEqual(await contract.raw.C_GetInfo());
    expect(contract.raw.description()).toMatchObject({ version });
  });

  test('the slot is among those with a token', [], async () => {
    const all = await contract.module.slots();
    const present = await contract.module.slots({ tokenPresent: true });
    expect(all).toContain(contract.token.slot);
    expect(present).toContain(contract.token.slot);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(contract.raw.C_GetSlotListSync(true)).toEqual(present.map(({ id }) => id));
  });

  test('the slot and the token describe themselves', [], async () => {
    const slot = await contract.token.slot.info();
    expect(slot).toMatchObject({ tokenPresent: true, hardwareVersion: version, firmwareVersion: version });
    const info = await contract.token.info();
    expect(info.initialized).toBe(true);
    expect(info.label).toBe(contract.token.label);
    for (const text of [info.label, info.manufacturer, info.model, info.serialNumber, slot.description]) {
      expect(text).toBe(text.trimEnd());
      expect(text).not.toContain('\0');
    }
    if (info.minPinLength !== undefined && info.maxPinLength !== undefined) {
      expect(info.minPinLength).toBeLessThanOrEqual(info.maxPinLength);
    }
  });

  test('every mechanism of the list describes itself', [], async () => {
    const mechanisms = await contract.raw.C_GetMechanismList(contract.slot);
    expect(new Set(mechanisms).size).toBe(mechanisms.length);
    for (const mechanism of mechanisms) {
      const info = await contract.raw.C_GetMechanismInfo(contract.slot, mechanism);
      expect(info.flags).toBeTypeOf('number');
      const { minKeySize = 0, maxKeySize = Number.POSITIVE_INFINITY } = info;
      if (maxKeySize !== 0) expect(minKeySize).toBeLessThanOrEqual(maxKeySize);
    }
  });

  test('an unknown mechanism or slot is an error', [], async () => {
    const { raw, slot } = contract;
    expect(await codeOf(raw.C_GetMechanismInfo(slot, CKM.VENDOR_DEFINED + 0x1234))).toEqual(
      contract.code('a mechanism it does not have'),
    );
    expect(await codeOf(raw.C_GetSlotInfo(0x7fff_fff0))).toEqual(contract.code('a slot it does not have'));
    expect(await codeOf(contract.module.slot(0x7fff_fff0))).toBe('ERR_CRYPTOKI_SLOT_NOT_FOUND');
  });

  test('no event of a slot is waiting', [], async () => {
    const event = codeOf(contract.raw.C_WaitForSlotEvent(CKF.DONT_BLOCK));
    expect(await event).toEqual(contract.code('no event of a slot'));
  });

  test('a module that is opened twice remains usable until both are closed', [], async () => {
    const { path, options, selector } = contract.started;
    const again = await Module.open(path, options);
    const token = await again.token(selector);
    expect(token.label).toBe(contract.token.label);
    await again.close();
    expect(await codeOf(again.info())).toBe('ERR_CRYPTOKI_MODULE_CLOSED');
    expect((await contract.module.info()).libraryVersion).toEqual(version);
  });
}
