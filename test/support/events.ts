import type { SlotEvent, SlotWatcher } from 'cryptoki';

/** Collects the events of a watcher, as 'inserted label'. */
export function collect(watcher: SlotWatcher): string[] {
  const events: string[] = [];
  const note = ({ type, label }: SlotEvent) => events.push(`${type} ${label}`);
  watcher.on('inserted', note);
  watcher.on('removed', note);
  return events;
}

/** Waits for the next event of an iterator: 'inserted label', or 'done'. */
export async function next(iterator: AsyncIterator<SlotEvent, undefined>): Promise<string> {
  const { value } = await iterator.next();
  return value === undefined ? 'done' : `${value.type} ${value.label}`;
}
