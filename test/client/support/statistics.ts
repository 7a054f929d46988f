import type { Client, ClientStatistics } from 'cryptoki';
import { expect } from 'vitest';
import type { Ground } from './ground';

/** Checks that the session counts of the client match those of the token, which include the anchor session. */
export function expectNumbers(ground: Ground, client: Client, numbers: Partial<ClientStatistics> = {}): void {
  const statistics = client.statistics();
  expect(statistics).toMatchObject(numbers);
  expect(statistics.open).toBe(ground.sessions() - 1);
  expect(statistics.open).toBe(statistics.idle + statistics.lent);
  expect(statistics.opened - statistics.closed).toBe(statistics.open);
}
