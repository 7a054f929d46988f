// @ts-check
// The process with the card and pcscd. It is separate from the test process, which can block in a call while the card answers,
// and which must not contain the secrets of the card. It ends with the test process and leaves nothing behind.
import { rmSync } from 'node:fs';
import { freePorts } from './connection.mjs';
import { Daemon } from './daemon.mjs';
import { CardHolder } from './holder.mjs';

/** @type {import('./daemon.mjs').Options} */
const options = JSON.parse(process.argv[2] ?? '{}');
const port = await freePorts();
const holder = new CardHolder(port);
const daemon = new Daemon(options, port);

/** @type {Record<string, (...parameters: never[]) => unknown>} */
const methods = {
  insert: holder.insert.bind(holder),
  remove: holder.remove.bind(holder),
  delay: holder.delay.bind(holder),
  fail: holder.fail.bind(holder),
  type: holder.type.bind(holder),
  setPin: holder.setPin.bind(holder),
  state: holder.state.bind(holder),
  start: () => daemon.start(),
  kill: () => daemon.stop(),
};

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {}); // the test process decides when this one ends
process.on('disconnect', async () => {
  await daemon.stop();
  rmSync(options.folder, { recursive: true, force: true });
  process.exit();
});
process.on('message', async (/** @type {{ id: number, method: string, parameters: never[] }} */ request) => {
  const { id, method, parameters } = request;
  try {
    const result = await methods[method]?.(...parameters);
    process.send?.({ id, result });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
process.send?.({ id: 0 });
