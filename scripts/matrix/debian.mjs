// @ts-check
// Unpacks Debian packages of another architecture, with their dependencies, into a folder. Nothing of the system is changed.

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, ToolError, works } from '../tools.mjs';
import { Skipped } from './legs.mjs';

/** @param {string} folder @param {string} architecture in Debian's words, such as arm64 @param {string[]} packages */
export async function unpackDebian(folder, architecture, packages) {
  if (existsSync(folder)) return folder;
  if (!works('apt-get') || !works('dpkg-deb')) throw new Skipped('it needs apt-get and dpkg-deb');
  const work = `${folder}.${process.pid}`;
  try {
    for (const name of ['lists/partial', 'archives/partial', 'files'])
      mkdirSync(join(work, name), { recursive: true });
    writeFileSync(join(work, 'status'), '');
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': '',
      'Dir::State': work,
      'Dir::State::status': join(work, 'status'),
      'Dir::State::lists': join(work, 'lists'),
      'Dir::Cache': work,
      'Dir::Cache::archives': join(work, 'archives'),
      'Acquire::Languages': 'none',
      'Debug::NoLocking': 'true',
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    await run('apt-get', ['update', '-qq', ...options]);
    const download = ['install', '-y', '-qq', '--download-only', '--no-install-recommends'];
    await run('apt-get', [...download, ...options, ...packages]);
    for (const name of readdirSync(join(work, 'archives')).filter((one) => one.endsWith('.deb')))
      await run('dpkg-deb', ['-x', join(work, 'archives', name), join(work, 'files')]);
    renameSync(join(work, 'files'), folder);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new Skipped(
      `apt-get has no ${packages.join(', ')} for ${architecture}: ${error.message.split('\n')[0]}`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}
