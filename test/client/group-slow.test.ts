import { type ClientGroup, connect } from 'cryptoki';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createHsm, ecKey, type Hsm, isGood, MESSAGE, PIN } from './group-support';

const key = ecKey('shared');
let members: Hsm[];
let group: ClientGroup;

beforeAll(async () => {
  const objects = [key.privateKey, key.publicKey];
  members = [
    await createHsm('one', objects),
    await createHsm('two', objects),
    await createHsm('three', objects),
  ];
});
afterEach(async () => {
  for (const { fault } of members) fault.clear();
  await group.close();
});
afterAll(async () => {
  for (const member of members) await member.remove();
});

/** Makes several signatures at a time for a duration in milliseconds. @returns signatures per second */
async function throughput(time: number): Promise<number> {
  const signing = await group.privateKey({ label: 'shared' });
  const end = performance.now() + time;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      expect(isGood(key.key, await signing.sign('ECDSA-SHA256', MESSAGE))).toBe(true);
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 12 }, worker));
  return (done * 1000) / time;
}
const signed = (): number[] => members.map((member) => member.calls('C_Sign'));

test('roundRobin gives a slow member one operation per second until it is fast again', async () => {
  group = await connect(
    members.map(({ target }) => target),
    { pin: PIN },
  );
  const well = await throughput(1_500);
  const [before] = signed() as [number, number, number];
  expect(before).toBeGreaterThan(20);

  members[0]?.fault.plan([{ function: 'C_Sign', delay: 500 }]);
  const slow = await throughput(4_000);
  expect(slow).toBeGreaterThan(well / 4);
  const [during, others] = signed() as [number, number, number];
  expect(during - before).toBeLessThan(24); // those that were under way at first, and a few tries
  expect(during - before).toBeGreaterThan(0);
  expect(others).toBeGreaterThan(100);
  expect(group.members[0]?.state).toBe('closed');

  members[0]?.fault.clear();
  await throughput(2_500);
  const [after] = signed() as [number, number, number];
  expect(after - during).toBeGreaterThan(50);
});

test('roundRobin uses all members if all are slow', async () => {
  for (const { fault } of members) fault.plan([{ function: 'C_Sign', delay: 100 }]);
  group = await connect(
    members.map(({ target }) => target),
    { pin: PIN },
  );
  const before = signed();
  await throughput(1_500);
  const after = signed();
  for (const index of [0, 1, 2]) {
    expect((after[index] as number) - (before[index] as number)).toBeGreaterThan(10);
  }
});
