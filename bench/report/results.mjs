// @ts-check
// All results of a run, as in the JSON file.
import { readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { at } from '../../scripts/tools.mjs';
import { PEERS } from '../field.mjs';
import { versionOf } from '../install-peers.mjs';

/**
 * @typedef {object} Machine
 * @property {string} cpu
 * @property {number} cores
 * @property {number} memory in GiB
 * @property {string} system
 * @property {string} node
 * @property {Record<string, string>} packages versions by name
 *
 * @typedef {object} Results
 * @property {string} date ISO 8601
 * @property {string[]} arguments of the run
 * @property {Machine} machine
 * @property {{ name: string, version: string }[]} modules
 * @property {import('../measure.mjs').Result[]} operations
 * @property {import('../measure.mjs').Result[]} slow
 * @property {import('../run-growth.mjs').Growth[]} growth
 * @property {import('../targets.mjs').Target[]} targets
 * @property {string[]} notes measurements that were skipped, with the reason
 */

/** @returns {Machine} */
export function machine() {
  const own = JSON.parse(readFileSync(at('package.json'), 'utf8')).version;
  const others = PEERS.flatMap((name) => {
    const version = versionOf(name);
    return version === undefined ? [] : [[name, version]];
  });
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}, ${arch()}`,
    node: process.versions.node,
    packages: { cryptoki: own, ...Object.fromEntries(others) },
  };
}
