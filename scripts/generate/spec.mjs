// Reads spec/ and derives the data for the generated files: integer types, structure fields in JavaScript, and the roles of
// function parameters, which are checked against the C signatures.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const BASE_TYPES = ['CK_BBOOL', 'CK_BYTE', 'CK_CHAR', 'CK_UTF8CHAR', 'CK_ULONG', 'void'];

/** Function pointer types, by name: their C++ declaration after "using X =". */
export const FUNCTION_TYPES = {
  CK_NOTIFY: 'CK_RV (*)(CK_SESSION_HANDLE, CK_NOTIFICATION, void*)',
  CK_CREATEMUTEX: 'CK_RV (*)(void**)',
  CK_DESTROYMUTEX: 'CK_RV (*)(void*)',
  CK_LOCKMUTEX: 'CK_RV (*)(void*)',
  CK_UNLOCKMUTEX: 'CK_RV (*)(void*)',
};

/**
 * Each role of functions.json: its C types, the C++ class in marshal/role.h (or calls/), and its TypeScript
 * type as argument (in) and as result (out).
 */
export const ROLES = {
  session: { c: ['CK_SESSION_HANDLE'], cpp: 'role::Session', in: 'bigint' },
  slot: { c: ['CK_SLOT_ID'], cpp: 'role::Ulong', in: 'number | bigint' },
  object: { c: ['CK_OBJECT_HANDLE'], cpp: 'role::Object', in: 'bigint' },
  ulong: { c: ['CK_ULONG'], cpp: 'role::Ulong', in: 'number | bigint' },
  boolean: { c: ['CK_BBOOL'], cpp: 'role::Boolean', in: 'boolean' },
  mechanism: { c: ['CK_MECHANISM*'], cpp: 'role::Mechanism', in: 'RawMechanism' },
  template: { c: ['CK_ATTRIBUTE*', 'CK_ULONG'], cpp: 'role::Template', in: 'readonly RawAttribute[]' },
  bytes: { c: ['CK_BYTE*', 'CK_ULONG'], cpp: 'role::Bytes', in: 'BytesLike' },
  part: { c: ['CK_BYTE*', 'CK_ULONG'], cpp: 'role::Part', in: 'BytesLike | readonly BytesLike[]' },
  utf8: { c: ['CK_UTF8CHAR*', 'CK_ULONG'], cpp: 'role::Text', in: 'string | BytesLike' },
  pin: { c: ['CK_UTF8CHAR*', 'CK_ULONG'], cpp: 'role::Pin', in: 'string | BytesLike | null' },
  label: { c: ['CK_UTF8CHAR*'], cpp: 'role::Label', in: 'string' },
  parameter: { c: ['void*', 'CK_ULONG'], cpp: 'role::Parameter', in: 'RawParameter | null' },
  functionName: { c: ['CK_UTF8CHAR*'], cpp: 'role::FunctionName', in: 'string' },
  nothing: { c: ['void*'], cpp: 'role::Null' },
  'out bytes': { c: ['CK_BYTE*', 'CK_ULONG*'], cpp: 'role::OutBytes', out: 'Buffer' },
  'out short': { c: ['CK_BYTE*', 'CK_ULONG*'], cpp: 'role::OutShort', out: 'Buffer' },
  'out slots': { c: ['CK_SLOT_ID*', 'CK_ULONG*'], cpp: 'role::OutList<true>', out: 'bigint[]' },
  'out mechanisms': { c: ['CK_MECHANISM_TYPE*', 'CK_ULONG*'], cpp: 'role::OutList<false>', out: 'number[]' },
  'out object': { c: ['CK_OBJECT_HANDLE*'], cpp: 'role::OutHandle', out: 'bigint' },
  'out session': { c: ['CK_SESSION_HANDLE*'], cpp: 'role::OutHandle', out: 'bigint' },
  'out slot': { c: ['CK_SLOT_ID*'], cpp: 'role::OutHandle', out: 'bigint' },
  'out ulong': { c: ['CK_ULONG*'], cpp: 'role::OutUlong', out: 'number | undefined' },
  asyncData: { c: ['CK_ASYNC_DATA*'], cpp: 'role::OutAsyncData', out: 'RawAsyncData' },
  'out objects': {
    c: ['CK_OBJECT_HANDLE*', 'CK_ULONG', 'CK_ULONG*'],
    cpp: 'role::OutObjects',
    in: 'number',
    out: 'bigint[]',
  },
  'out random': { c: ['CK_BYTE*', 'CK_ULONG'], cpp: 'role::OutRandom', in: 'number', out: 'Buffer' },
  'out attributes': {
    c: ['CK_ATTRIBUTE*', 'CK_ULONG'],
    cpp: 'role::OutAttributes',
    in: 'readonly number[]',
    out: 'RawAttributeResult[]',
  },
};

const ULONG_TYPES = /^(CK_FLAGS|CK_USER_TYPE|CK_MECHANISM_TYPE|CK_SESSION_VALIDATION_FLAGS_TYPE)/;

/** @param {string} folder */
export function loadSpec(folder) {
  const read = (name) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const [constants, structures, functions, attributes, errors, mechanisms] = [
    'constants',
    'structures',
    'functions',
    'attributes',
    'errors',
    'mechanisms',
  ].map(read);
  const fields = Object.fromEntries(
    Object.entries(structures).map(([name, list]) => [name, list.map(parseField)]),
  );
  return {
    constants,
    fields,
    integerTypes: integerTypes(fields, functions),
    functions: Object.entries(functions).map(([name, entry]) => parseFunction(name, entry)),
    structures: inOrderOfUse(fields).map(([name, list]) => describeStructure(name, list, fields)),
    attributes,
    errors,
    mechanisms,
  };
}

/**
 * A field is "type name" and notes for facts that the type lacks: len:F or bits:F (the field with its length), size:N (a pointer
 * to N bytes; 0: the length is agreed elsewhere), parentbits:F (its length is in the surrounding structure), count:F (array of
 * structures), template:F, structure, mechanism, version, handle, cstring, any, out (the module writes it), as:NAME.
 */
function parseField(text) {
  const [type, name, ...words] = text.split(' ');
  const [, base, stars, count] = /^(\w+)(\**)(?:\[(\d+)\])?$/.exec(type);
  const notes = Object.fromEntries(words.map((word) => [word.split(':')[0], word.split(':')[1] ?? true]));
  return {
    name,
    notes,
    type: base + stars,
    base,
    pointer: stars.length > 0,
    count: count === undefined ? undefined : Number(count),
  };
}

/** Sorts structures after those that they contain or point to. @param {Record<string, {base: string}[]>} fields */
export function inOrderOfUse(fields) {
  const done = new Map();
  const visit = (name) => {
    if (done.has(name) || !fields[name]) return;
    for (const field of fields[name]) visit(field.base);
    done.set(name, fields[name]);
  };
  for (const name of Object.keys(fields)) visit(name);
  return [...done];
}

function integerTypes(fields, functions) {
  const known = new Set([...BASE_TYPES, ...Object.keys(fields), ...Object.keys(FUNCTION_TYPES)]);
  const used = new Set(['CK_RV', 'CK_NOTIFICATION']);
  for (const list of Object.values(fields)) for (const field of list) used.add(field.base);
  for (const { c } of Object.values(functions)) for (const type of c) used.add(type.replace(/\*+$/, ''));
  return [...used].filter((type) => !known.has(type) && type !== 'CK_FUNCTION_LIST').sort();
}

function parseFunction(name, { since, section, c, parameters, objects = false }) {
  const entry = { name, since, section, c, objects, bound: false, parameters: [] };
  if (parameters === null) return entry;
  for (const text of parameters) {
    const words = text.split(' ');
    const label = words.pop();
    const role = words.join(' ');
    const structure = /^out (CK_\w+)$/.exec(role)?.[1];
    const known = structure
      ? { c: [`${structure}*`], cpp: `role::OutStructure<${structure}>`, out: structure }
      : ROLES[role];
    if (!known) return entry; // a role without a binding
    entry.parameters.push({ role, name: label, ...known });
  }
  const types = entry.parameters.flatMap((parameter) => parameter.c).map(comparable);
  // "nothing" stands for a null pointer of the type in the signature.
  const wanted = c.map((type, index) => (types[index] === 'void*' ? 'void*' : comparable(type)));
  if (types.join() !== wanted.join())
    throw new Error(`${name}: roles give (${types}), the signature is (${wanted})`);
  entry.bound = true;
  return entry;
}

const comparable = (type) =>
  type
    .replace(ULONG_TYPES, 'CK_ULONG')
    .replace('CK_UTF8CHAR', 'CK_BYTE')
    .replace(/CK_\w+_HANDLE|CK_SLOT_ID/, 'CK_ULONG');

/** The JavaScript name of a field, without the Hungarian prefix and in camel case: ulIvLen -> ivLen, pAAD -> aad. */
export function jsName({ name, base, pointer }) {
  const isFlag = base === 'CK_BBOOL' || base === 'CK_BYTE';
  const isHandle = base === 'CK_OBJECT_HANDLE';
  const prefix = pointer
    ? /^pu?l?(?=[A-Z])/
    : isFlag
      ? /^b(?=[A-Z])/
      : isHandle
        ? /^[hp](?=[A-Z])/
        : /^ul(?=[A-Z])/;
  const plain = name.replace(prefix, '');
  return plain
    .replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+/, (capitals) => capitals.toLowerCase())
    .replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
}

/** Text fields of information structures. Other fixed arrays are bytes. */
const TEXT = new Set(['CK_UTF8CHAR', 'CK_CHAR']);

/** Kinds that follow from the notes of a field, with the field that contains a length or count. */
function kindByNotes({ notes, base }) {
  if (notes.any) return { kind: 'Any', length: notes.len };
  if (notes.len) return { kind: 'Bytes', length: notes.len };
  if (notes.bits) return { kind: 'ByteBits', length: notes.bits };
  if (notes.parentbits) return { kind: 'ParentBits' };
  if (notes.size) return { kind: 'Plain', count: Number(notes.size) };
  if (notes.count) return { kind: 'Array', length: notes.count, nested: base };
  if (notes.template) return { kind: 'Template', length: notes.template };
  if (notes.structure) return { kind: 'Pointer', nested: base };
  const plain = ['mechanism', 'version', 'handle', 'cstring'].find((note) => notes[note]);
  const kinds = {
    mechanism: 'Mechanism',
    version: 'VersionPointer',
    handle: 'HandlePointer',
    cstring: 'CString',
  };
  return plain === undefined ? undefined : { kind: kinds[plain] };
}

function kindByType(field, list, all) {
  const { base, pointer, type, name, count } = field;
  if (count !== undefined) return { kind: TEXT.has(base) ? 'Text' : 'Fixed' };
  if (pointer && ['void', 'CK_BYTE', 'CK_UTF8CHAR'].includes(base) && type.endsWith('*')) {
    const plain = name.replace(/^p(?=[A-Z])/, '');
    const length = list.find((other) => !other.pointer && isLengthOf(other.name, plain));
    if (length === undefined) return undefined;
    return { kind: /Bits$/.test(length.name) ? 'ByteBits' : 'Bytes', length: length.name };
  }
  if (pointer || FUNCTION_TYPES[base]) return undefined;
  if (base === 'CK_VERSION') return { kind: 'Version' };
  if (all[base]) return { kind: 'Nested', nested: base };
  if (base === 'CK_BBOOL') return { kind: 'Boolean' };
  if (base === 'CK_BYTE') return { kind: 'Byte' };
  return { kind: /HANDLE$|^CK_SLOT_ID$/.test(base) ? 'Handle' : 'Ulong' };
}

function describeStructure(name, list, all) {
  const lengths = new Set();
  const described = [];
  let complete = true;
  for (const field of list) {
    const kind = kindByNotes(field) ?? kindByType(field, list, all);
    const isPointed = list.find(({ name: each }) => each === kind?.length)?.pointer;
    if (kind?.kind === 'Bytes' && isPointed) kind.kind = 'BytesPointer';
    if (kind?.length) lengths.add(kind.length);
    if (kind === undefined) complete = lengths.has(field.name) && complete;
    else
      described.push({
        ...field,
        js: field.notes.as ?? jsName(field),
        ...kind,
        out: field.notes.out === true,
      });
  }
  const own = described.filter((field) => !lengths.has(field.name));
  // ulIvBits beside pIv and ulIvLen: the optional length in bits.
  for (const field of own) {
    const bytes = own.find(
      (other) => other.kind === 'Bytes' && field.name === `${other.name.replace(/^p/, 'ul')}Bits`,
    );
    if (field.kind === 'Ulong' && bytes) Object.assign(field, { kind: 'BitsOf', length: bytes.length });
  }
  return {
    name,
    complete:
      complete &&
      list.every(({ name: each }) => own.some((field) => field.name === each) || lengths.has(each)),
    fields: own,
  };
}

const isLengthOf = (length, plain) =>
  [`ul${plain}Len`, `ul${plain}Length`, `ul${plain}Bits`].includes(length) ||
  (plain === 'Data' && ['ulLen', 'length'].includes(length)) ||
  (plain === 'Value' && length === 'ulValueLen');
