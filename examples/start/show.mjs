// Prints the results of the main job.
import Table from 'cli-table3';

const version = ({ major, minor }) => `${major}.${minor}`;

/**
 * @param {import('cryptoki').Module} module
 * @param {import('cryptoki').Token} token
 */
export async function showModule(module, token) {
  const [info, slot, details, mechanisms] = await Promise.all([
    module.info(),
    token.slot.info(),
    token.info(),
    token.slot.mechanisms(),
  ]);
  const table = new Table({ style: { head: [], border: [] } });
  table.push(
    {
      Module: `${info.description} ${version(info.libraryVersion)}, ${info.manufacturer}, PKCS#11 ${version(info.cryptokiVersion)}`,
    },
    { File: module.path },
    { Slot: `${token.slot.id}: ${slot.description}` },
    { Token: `"${details.label}", ${details.model}, serial ${details.serialNumber}` },
    { Mechanisms: String(mechanisms.length) },
  );
  console.log(table.toString());
}

/** @param {Awaited<ReturnType<typeof import('./sign.mjs').signAndCheck>>[]} rates */
export function showRates(rates) {
  const head = [
    'Key',
    'Algorithm',
    'Messages',
    'Sessions',
    'Seconds',
    'Signatures/s',
    'Checked by node:crypto',
  ];
  const table = new Table({
    head,
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { key, algorithm, count, sessions, seconds } of rates) {
    table.push([
      key,
      algorithm,
      count,
      sessions,
      seconds.toFixed(2),
      Math.round(count / seconds),
      `${count} valid`,
    ]);
  }
  console.log(`\n${table.toString()}`);
}
