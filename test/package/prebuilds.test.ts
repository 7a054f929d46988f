import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBinary } from '../../scripts/prebuild/binary.mjs';
import { checkPrebuild } from '../../scripts/prebuild/check.mjs';
import { filesOf, ownTarget, targets } from '../../scripts/prebuild/targets.mjs';

const root = resolve(import.meta.dirname, '..', '..');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-prebuilds-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The complaints about a changed copy of a file. */
function complaintsAbout(
  source: string,
  target: (typeof targets)[string],
  change: (bytes: Buffer) => Buffer,
) {
  const copy = join(folder, basename(source));
  writeFileSync(copy, change(readFileSync(source)));
  return checkPrebuild(copy, target);
}

/** Replaces every occurrence of a text by one of the same length. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  expect(to).toHaveLength(from.length);
  return Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
}

const made = Object.entries(targets).flatMap(([name, target]) =>
  filesOf(target)
    .filter((file) => existsSync(join(root, file)))
    .map((file) => [file, name, target] as const),
);

describe.skipIf(made.length === 0)('a compiled file of the package', () => {
  // The file of this machine may come from the system's compiler (CRYPTOKI_PREBUILD_COMPILER), which needs a newer glibc.
  test.each(made)('%s has the format of its target', (file, name, target) => {
    const complaints = checkPrebuild(join(root, file), target);
    expect(name === ownTarget() ? complaints.filter((text) => !text.includes('glibc')) : complaints).toEqual(
      [],
    );
  });

  test.each(made)('%s is refused for another machine and another format', (file, _name, target) => {
    const arch = target.arch === 'x64' ? 'arm64' : 'x64';
    expect(checkPrebuild(join(root, file), { ...target, arch })).toContain(`is for ${target.arch}`);
    const platform = target.platform === 'win32' ? 'darwin' : 'win32';
    expect(checkPrebuild(join(root, file), { ...target, platform })[0]).toMatch(/^has the format /);
  });

  test.each(made)(
    '%s is refused with a path of this machine or a function that Electron forbids',
    (file, _, target) => {
      const source = join(root, file);
      const withPath = complaintsAbout(source, target, (bytes) =>
        Buffer.concat([bytes, Buffer.from(`${homedir()}/x.cc\0`)]),
      );
      expect(withPath.join()).toContain('contains a path of this machine');
      const external = complaintsAbout(source, target, (bytes) =>
        Buffer.concat([bytes, Buffer.from('napi_create_external_buffer\0')]),
      );
      expect(external.join()).toContain('contains napi_create_external_buffer');
    },
  );

  test.each(made)('%s is refused if it exports or imports something else', (file, _, target) => {
    const source = join(root, file);
    const exported = complaintsAbout(source, target, (bytes) =>
      replaced(bytes, 'napi_register_module_v1', 'napi_register_module_v9'),
    );
    expect(exported).toContain('does not export napi_register_module_v1');
    expect(exported).toContain('exports napi_register_module_v9');
    const library = readBinary(source).libraries[0] ?? '';
    const imported = complaintsAbout(source, target, (bytes) =>
      replaced(bytes, library, library.replace(/^.{5}/, 'xxxxx')),
    );
    expect(imported.join()).toContain('needs the library xxxxx');
  });

  test.each(made.filter(([, , { platform }]) => platform === 'linux'))(
    '%s is refused without -z nodelete',
    (file, _, target) => {
      const complaints = complaintsAbout(join(root, file), target, (bytes) => {
        const tag = Buffer.from('fbffff6f00000000', 'hex'); // DT_FLAGS_1
        const at = bytes.indexOf(tag);
        expect(at).toBeGreaterThan(0);
        bytes.writeUInt8(bytes.readUInt8(at + 8) & ~8, at + 8);
        return bytes;
      });
      expect(complaints).toContain('can be unloaded (no -z nodelete)');
    },
  );

  test.each(made.filter(([, , { libc }]) => libc === 'glibc'))(
    '%s is refused if it needs a newer glibc',
    (file, _, target) => {
      const newer = complaintsAbout(join(root, file), target, (bytes) =>
        replaced(bytes, 'GLIBC_2.17', 'GLIBC_2.36'),
      );
      expect(newer.join()).toContain('of glibc 2.36; the newest allowed version is 2.17');
    },
  );
});

describe('the check of compiled files', () => {
  const linux = targets['linux-x64-glibc'] as (typeof targets)[string];

  test('names a missing file and a file that is not compiled', () => {
    expect(checkPrebuild(join(folder, 'nothing.node'), linux)).toEqual(['does not exist']);
    const text = join(folder, 'cryptoki.node');
    writeFileSync(text, 'x'.repeat(5000));
    expect(checkPrebuild(text, linux)).toEqual(['cannot be read: not a compiled file']);
  });

  test.skipIf(process.platform !== 'linux')("refuses Node's own executable", () => {
    const copy = join(folder, 'cryptoki.glibc.node');
    copyFileSync(process.execPath, copy);
    const complaints = checkPrebuild(copy, { ...linux, arch: process.arch as 'x64' | 'arm64' }).join('\n');
    for (const part of ['bytes; the limit is', 'can be unloaded', 'exports ', 'does not export']) {
      expect(complaints).toContain(part);
    }
    rmSync(copy);
  });
});
