import type { InitializeOptions } from '../raw/options';
import { bytesOf, fromUlong, readBytes, readHandle, readNumber, wrongCount, wrongType } from './arguments';
import { returned, toError } from './errors';
import type { Library } from './library';
import { readTypes, setValues } from './template';

/** The functions that do not fit into a table. Each receives the library and the arguments of the call. */

type Special = (library: Library, values: readonly unknown[]) => unknown;

/** The maximum number of handles per call of C_FindObjects, because programs request 4294967295 to get all. */
const MAX_HANDLES_PER_CALL = 1024;

function requireCount(values: readonly unknown[], expected: number): void {
  if (values.length !== expected) throw wrongCount(expected, values.length);
}

/** Runs calls of cryptoki/raw, and converts their errors to those of pkcs11js. */
function converting<Result>(method: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw toError(error, method);
  }
}

function readOptions(value: unknown): InitializeOptions {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw wrongType(0, 'Should be an Object');
  const { libraryParameters } = value as { libraryParameters?: unknown };
  if (libraryParameters === undefined || libraryParameters === null) return {};
  if (typeof libraryParameters !== 'string') {
    throw wrongType(0, "Property 'libraryParameters' should be a String");
  }
  return { libraryParameters };
}

/** Ignores `flags`: concurrent calls run on native threads, so locking is always requested. */
const initialize: Special = ({ raw }, [options]) => {
  const initializeOptions = readOptions(options);
  converting('C_Initialize', () => raw.C_InitializeSync(initializeOptions));
};

const finalize: Special = ({ raw, results }) => {
  converting('C_Finalize', () => raw.C_FinalizeSync());
  results.clear();
};

const getSlotList: Special = ({ raw }, values) => {
  const [tokenPresent] = values.length > 0 ? values : [false];
  if (typeof tokenPresent !== 'boolean') throw wrongType(0, 'Should be a Boolean');
  return converting('C_GetSlotList', () => raw.C_GetSlotListSync(tokenPresent).map(fromUlong));
};

const getAttributeValue: Special = ({ raw }, values) => {
  requireCount(values, 3);
  const session = readHandle(values[0], 0);
  const object = readHandle(values[1], 1);
  const types = readTypes(values[2], 2);
  const template = values[2] as { value?: unknown }[];
  return converting('C_GetAttributeValue', () => {
    setValues(template, raw.C_GetAttributeValueSync(session, object, types, true), 'C_GetAttributeValue');
    return template;
  });
};

/** Returns one handle or null; with a number as second argument, an array of at most that length. */
const findObjects: Special = ({ raw }, values) => {
  if (values.length !== 1) requireCount(values, 2);
  const session = readHandle(values[0], 0);
  const limit = values.length === 1 ? 1 : Number(readNumber(values[1], 1));
  if (limit === 0) throw returned('ARGUMENTS_BAD', 'C_FindObjects');
  const found = converting('C_FindObjects', () => {
    const handles: bigint[] = [];
    for (;;) {
      const count = Math.min(limit - handles.length, MAX_HANDLES_PER_CALL);
      const part = raw.C_FindObjectsSync(session, count);
      handles.push(...part);
      if (part.length === 0 || handles.length >= limit) return handles.map(fromUlong);
    }
  });
  return values.length === 1 ? (found[0] ?? null) : found;
};

const generateRandom: Special = ({ raw }, values) => {
  requireCount(values, 2);
  const session = readHandle(values[0], 0);
  const output = bytesOf(readBytes(values[1], 1));
  converting('C_GenerateRandom', () => raw.C_GenerateRandomSync(session, output.length).copy(output));
  return values[1];
};

/** Returns the slot, or null without an event. Without CKF_DONT_BLOCK it blocks the thread until an event. */
const waitForSlotEvent: Special = ({ raw }, values) => {
  requireCount(values, 1);
  const flags = readNumber(values[0], 0);
  try {
    return fromUlong(raw.C_WaitForSlotEventSync(flags));
  } catch (error) {
    const failure = toError(error, 'C_WaitForSlotEvent');
    if ((failure as Error).message === 'CKR_NO_EVENT') return null;
    throw failure;
  }
};

export const SPECIALS: Readonly<Record<string, Special>> = {
  C_Initialize: initialize,
  C_Finalize: finalize,
  C_GetSlotList: getSlotList,
  C_GetAttributeValue: getAttributeValue,
  C_FindObjects: findObjects,
  C_GenerateRandom: generateRandom,
  C_WaitForSlotEvent: waitForSlotEvent,
};
