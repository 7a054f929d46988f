import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SessionBound } from '../../dist/client/pool/session-bound';

const MINUTE = 60_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the session limit of a pool', () => {
  test('is the smaller value of the options and the token, and at least 1', () => {
    const bound = new SessionBound(16);
    expect(bound.value).toBe(16);
    bound.set(4);
    expect([bound.value, bound.allows(3), bound.allows(4)]).toEqual([4, true, false]);
    bound.set(Number.POSITIVE_INFINITY);
    expect(bound.value).toBe(16);
    bound.set(0);
    expect([bound.value, bound.allows(0), bound.allows(1)]).toEqual([1, true, false]);
  });

  test('is lowered by a refusal, and corrected by a session that was opened at the same time', () => {
    const bound = new SessionBound(16);
    bound.refused(3);
    expect([bound.value, bound.allows(2), bound.allows(3)]).toEqual([3, true, false]);
    bound.opened(4);
    expect([bound.value, bound.allows(4)]).toEqual([4, false]);
    bound.refused(0);
    expect(bound.value).toBe(1);
  });

  test('grows again by one each minute, up to the value of the options', () => {
    const bound = new SessionBound(4);
    bound.refused(2);
    vi.advanceTimersByTime(MINUTE - 1);
    expect(bound.allows(2)).toBe(false);
    vi.advanceTimersByTime(2);
    expect([bound.allows(2), bound.allows(3), bound.value]).toEqual([true, false, 3]);
    vi.advanceTimersByTime(MINUTE + 1);
    expect([bound.allows(3), bound.value]).toEqual([true, 4]);
    vi.advanceTimersByTime(10 * MINUTE);
    expect([bound.allows(4), bound.value]).toEqual([false, 4]);
  });

  test('does not grow when the token has reported it', () => {
    const bound = new SessionBound(16);
    bound.refused(2);
    bound.set(3);
    vi.advanceTimersByTime(10 * MINUTE);
    expect([bound.allows(3), bound.value]).toEqual([false, 3]);
  });
});
