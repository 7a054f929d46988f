import type { SlotEvent, SlotWatcher } from 'cryptoki';

/** The events of a watcher as they come, as 'inserted label'. */
export function collect(watcher: SlotWatcher): string[] {
  const events: string[] = [];
  const note = ({ type, label }: SlotEvent) => events.push(`${type} ${label}`);
  watcher.on('inserted', note);
  watcher.on('removed', note);
  return events;
}

/** The next event of an iterator, as 'inserted label', or 'done'. */
export async function next(iterator: AsyncIterator<SlotEvent, undefined>): Promise<string> {
  const { value } = await iterator.next();
  return value === undefined ? 'done' : `${value.type} ${value.label}`;
}
