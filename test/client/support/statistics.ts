import type { Client, ClientStatistics } from 'cryptoki';
import { expect } from 'vitest';
import type { Ground } from './ground';

/** What the client says of its sessions is what the token says: the anchor counts there, too. */
export function expectNumbers(ground: Ground, client: Client, numbers: Partial<ClientStatistics> = {}): void {
  const statistics = client.statistics();
  expect(statistics).toMatchObject(numbers);
  expect(statistics.open).toBe(ground.sessions() - 1);
  expect(statistics.open).toBe(statistics.idle + statistics.lent);
  expect(statistics.opened - statistics.closed).toBe(statistics.open);
}
