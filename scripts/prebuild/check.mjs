// @ts-check
// The rules for a compiled file of the published package. Each complaint is one sentence.

import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename } from 'node:path';
import { root } from '../tools.mjs';
import { readBinary } from './binary.mjs';
import { GLIBC, MACOS } from './targets.mjs';

/** @typedef {import('./binary.mjs').Binary} Binary */
/** @typedef {import('./targets.mjs').Target} Target */

const NODE_API_VERSION = 8; // NAPI_VERSION in CMakeLists.txt
const MAX_BYTES = 3_000_000;

const nodeApi = createRequire(import.meta.url)('node-api-headers').symbols[`v${NODE_API_VERSION}`];
const nodeApiFunctions = new Set([...nodeApi.js_native_api_symbols, ...nodeApi.node_api_symbols]);
const isNodeApi = (/** @type {string} */ name) => /^(napi|node_api)_/.test(name);

const addonExports = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];
const faultExports = [...addonExports, 'C_GetFunctionList', 'C_GetInterface', 'C_GetInterfaceList'];

const formats = { linux: 'ELF', darwin: 'Mach-O', win32: 'PE' };

/** Libraries that every system of a kind has. @type {Record<string, RegExp>} */
const libraries = {
  glibc: /^(lib(c|m|dl|rt|pthread)\.so\.\d+|ld-linux-(x86-64|aarch64)\.so\.\d)$/,
  musl: /^libc\.so$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(KERNEL32|ADVAPI32|NTDLL|BCRYPT|PSAPI|MSVCRT|api-ms-win-(crt|core)-[\w-]+)\.dll$/i,
};

/** @param {string} version such as 2.17 */
const number = (version) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

/** @param {Binary} binary @param {Target} target @param {string} name @returns {string[]} */
function checkImports(binary, target, name) {
  const complaints = [];
  const kind = target.libc ?? target.platform;
  for (const library of binary.libraries) {
    if (!libraries[kind]?.test(library)) complaints.push(`needs the library ${library}`);
  }
  for (const { name: symbol, source = '', isWeak } of binary.imports) {
    if (isNodeApi(symbol)) {
      if (!nodeApiFunctions.has(symbol)) {
        complaints.push(`imports ${symbol}, which Node-API ${NODE_API_VERSION} does not have`);
      }
      if (/^cryptoki_fault/.test(name) && !isWeak)
        complaints.push(`needs ${symbol}, which programs without Node do not have`);
      if (target.platform === 'win32' && !isWeak)
        complaints.push(`imports ${symbol} from an executable with the name ${source}`);
    } else if (
      !isWeak &&
      /^_Z|^(SSL|EVP|OPENSSL|CRYPTO|BIO|uv)_/.test(symbol) &&
      !(target.platform === 'darwin' && source)
    ) {
      complaints.push(`imports ${symbol} from the executable or from a C++ library`);
    } else if ((kind === 'glibc' || kind === 'darwin') && source === '' && !isWeak) {
      complaints.push(`imports ${symbol}, which no version of the system's libraries has`);
    }
    const [, version = ''] = /^GLIBC_([\d.]+)$/.exec(source) ?? [];
    if (target.platform === 'linux' && source !== '' && (kind !== 'glibc' || version === ''))
      complaints.push(`needs ${symbol} of ${source}`);
    if (version !== '' && number(version) > number(GLIBC))
      complaints.push(`needs ${symbol} of glibc ${version}; the newest allowed version is ${GLIBC}`);
  }
  return complaints;
}

/**
 * Symbols that zig's linker exports of every Mach-O file: two that it makes, and the operators new and delete of its C++
 * library. They allocate with malloc, like those of the system.
 */
const ALWAYS_IN_MACHO = /^(_mh_dylib_header|__dso_handle|_Z[nd][alw](m|Pv)(m|St11align_val_t)*)$/;

/** @param {Binary} binary @param {string} name @returns {string[]} */
function checkExports(binary, name) {
  const isFault = name.startsWith('cryptoki_fault');
  const wanted = isFault ? faultExports : addonExports;
  const shared = isFault ? /^cryptoki_fault_environment_v\d+$/ : /^cryptoki_process_v\d+_table$/;
  const missing = wanted.filter((symbol) => !binary.exports.includes(symbol));
  const isUsual = (/** @type {string} */ symbol) =>
    wanted.includes(symbol) ||
    shared.test(symbol) ||
    (binary.format === 'Mach-O' && ALWAYS_IN_MACHO.test(symbol));
  const others = binary.exports.filter((symbol) => !isUsual(symbol));
  return [
    ...missing.map((symbol) => `does not export ${symbol}`),
    ...others.map((symbol) => `exports ${symbol}`),
  ];
}

/** Bytes that must not be in the file: names of functions that Electron forbids, and paths of this machine. @param {string} file */
function checkContent(file) {
  const content = readFileSync(file, 'latin1');
  const complaints = [];
  const [external] =
    /napi_create_external_(array)?buffer|node_api_create_external_[a-z0-9_]+/.exec(content) ?? [];
  if (external) complaints.push(`contains ${external}, which the memory cage of Electron does not allow`);
  if (!content.includes('napi_create_object')) complaints.push('does not use Node-API');
  for (const path of new Set([root, homedir()])) {
    // A home directory of one part, such as /root, could be part of another text, so the separator is searched with it.
    const index = ['/', '\\'].map((end) => content.indexOf(path + end)).find((found) => found !== -1);
    if (index !== undefined) {
      const [found = path] = /^[\x20-\x7e]+/.exec(content.slice(index, index + 120)) ?? [];
      complaints.push(`contains a path of this machine: ${found}`);
    }
  }
  return complaints;
}

/**
 * Checks a file by its format, on any system.
 * @param {string} file @param {Target} target the system that the file is for
 * @returns {string[]} the complaints; empty for a file that can be published
 */
export function checkPrebuild(file, target) {
  const name = basename(file);
  const { size } = statSync(file, { throwIfNoEntry: false }) ?? {};
  if (size === undefined) return ['does not exist'];
  /** @type {Binary} */
  let binary;
  try {
    binary = readBinary(file);
  } catch (error) {
    return [`cannot be read: ${/** @type {Error} */ (error).message}`];
  }
  const format = formats[/** @type {keyof typeof formats} */ (target.platform)];
  if (binary.format !== format) return [`has the format ${binary.format} instead of ${format}`];

  const complaints = [];
  if (binary.machine !== target.arch) complaints.push(`is for ${binary.machine ?? 'another machine'}`);
  if (size > MAX_BYTES) complaints.push(`has ${size} bytes; the limit is ${MAX_BYTES}`);
  if (binary.searchPaths.length > 0)
    complaints.push(`searches libraries in ${binary.searchPaths.join(', ')}`);
  if (!binary.isHardened) complaints.push('has executable data or fixed addresses');
  if (target.platform === 'linux' && !binary.staysLoaded) complaints.push('can be unloaded (no -z nodelete)');
  if (target.platform === 'darwin') {
    if (binary.minimum === undefined || number(binary.minimum) > number(MACOS))
      complaints.push(`needs macOS ${binary.minimum}; the newest allowed version is ${MACOS}`);
    if (target.arch === 'arm64' && !binary.isSigned)
      complaints.push('is not signed, which macOS on arm64 refuses');
    if (binary.ownName?.startsWith('/')) complaints.push(`has the name ${binary.ownName}`);
  }
  return [
    ...complaints,
    ...checkExports(binary, name),
    ...checkImports(binary, target, name),
    ...checkContent(file),
  ];
}
