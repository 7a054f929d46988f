#!/usr/bin/env node
// Writes the files in binding/generated/ and lib/generated/, and tables in docs/, from spec/*.json. With --check it writes
// nothing and fails if a file differs from its output. PKCS#11 is data here: add a new function, structure, constant or
// attribute to spec/, never to a generated file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cppCalls, cppCallTable } from './generate/cpp-calls.mjs';
import { cppDeclarations } from './generate/cpp-declarations.mjs';
import { cppFault } from './generate/cpp-fault.mjs';
import { cppMechanismFamilies } from './generate/cpp-mechanisms.mjs';
import { cppTables } from './generate/cpp-tables.mjs';
import { mdErrors, tsErrorCodes } from './generate/error-codes.mjs';
import { mdFunctions } from './generate/functions.mjs';
import { cppOddities, mdOddities, tsOddities } from './generate/oddities.mjs';
import { cppOperationKinds, tsOperations } from './generate/operations.mjs';
import { mdSessionStates, tsSessionStates } from './generate/session-states.mjs';
import { loadSpec } from './generate/spec.mjs';
import { tsCalls } from './generate/ts-calls.mjs';
import { tsAttributes, tsConstants, tsErrors } from './generate/ts-constants.mjs';
import { tsStructures } from './generate/ts-structures.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const spec = {
  ...loadSpec(join(root, 'spec')),
  errorCodes: JSON.parse(read('spec', 'error-codes.json')),
  functionCoverage: JSON.parse(read('spec', 'function-coverage.json')),
  oddities: JSON.parse(read('spec', 'oddities.json')),
  operations: JSON.parse(read('spec', 'operations.json')),
  sessionStates: JSON.parse(read('spec', 'session-states.json')),
};

const files = {
  'binding/generated/pkcs11.h': cppDeclarations(spec),
  'binding/generated/mechanism_families.h': cppMechanismFamilies(spec),
  'binding/generated/tables.cc': cppTables(spec),
  'binding/generated/operation_kinds.h': cppOperationKinds(spec),
  'binding/generated/calls.h': cppCalls(spec),
  'binding/generated/calls.cc': cppCallTable(spec),
  'fault/generated/functions.h': cppFault(spec),
  'fault/generated/oddities.h': cppOddities(spec),
  'lib/generated/constants.ts': tsConstants(spec),
  'lib/generated/errors.ts': tsErrors(spec),
  'lib/generated/error-codes.ts': tsErrorCodes(spec),
  'lib/generated/attributes.ts': tsAttributes(spec),
  'lib/generated/structures.ts': tsStructures(spec),
  'lib/generated/calls.ts': tsCalls(spec),
  'lib/generated/operations.ts': tsOperations(spec),
  'lib/generated/session-states.ts': tsSessionStates(spec),
  'lib/generated/oddities.ts': tsOddities(spec),
  'docs/errors.md': mdErrors(spec),
  'docs/functions.md': mdFunctions(spec),
  'docs/testing.md': mdOddities(spec, read('docs', 'testing.md')),
  'docs/sessions.md': mdSessionStates(spec, read('docs', 'sessions.md')),
};

const stale = [];
for (const [name, text] of Object.entries(files)) {
  const path = join(root, name);
  let current;
  try {
    current = readFileSync(path, 'utf8');
  } catch {
    current = undefined;
  }
  if (current === text) continue;
  stale.push(name);
  if (process.argv.includes('--check')) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`not current: ${stale.join(', ')}; run "npm run generate" and commit the result`);
  process.exitCode = 1;
} else {
  console.log(stale.length > 0 ? `generated: ${stale.join(', ')}` : 'generated files are current');
}
