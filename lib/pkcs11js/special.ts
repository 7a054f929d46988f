import type { InitializeOptions } from '../raw/options';
import { bytesOf, fromUlong, readBytes, readHandle, readNumber, wrongCount, wrongType } from './arguments';
import { returned, toError } from './errors';
import type { Library } from './library';
import { readTypes, setValues } from './template';

/** Functions whose arguments or results follow no pattern. Each gets the library and the arguments of the call. */

type Special = (library: Library, values: readonly unknown[]) => unknown;

/** C_FindObjects has room for this many handles at a time: programs ask for 4294967295 when they want all. */
const FIND_AT_ONCE = 1024;

function count(values: readonly unknown[], expected: number): void {
  if (values.length !== expected) throw wrongCount(expected, values.length);
}

/** Makes calls; their errors become those of this layer. */
function calling<Result>(method: string, work: () => Result): Result {
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

/** Several calls at once are made on native threads, so modules are always asked for locking, whatever `flags` says. */
const initialize: Special = ({ raw }, [options]) => {
  const read = readOptions(options);
  calling('C_Initialize', () => raw.C_InitializeSync(read));
};

const finalize: Special = ({ raw, results }) => {
  calling('C_Finalize', () => raw.C_FinalizeSync());
  results.clear();
};

const getSlotList: Special = ({ raw }, values) => {
  const [tokenPresent] = values.length > 0 ? values : [false];
  if (typeof tokenPresent !== 'boolean') throw wrongType(0, 'Should be a Boolean');
  return calling('C_GetSlotList', () => raw.C_GetSlotListSync(tokenPresent).map(fromUlong));
};

const getAttributeValue: Special = ({ raw }, values) => {
  count(values, 3);
  const session = readHandle(values[0], 0);
  const object = readHandle(values[1], 1);
  const types = readTypes(values[2], 2);
  const template = values[2] as { value?: unknown }[];
  return calling('C_GetAttributeValue', () => {
    setValues(template, raw.C_GetAttributeValueSync(session, object, types, true), 'C_GetAttributeValue');
    return template;
  });
};

/** One handle or null; with a number, an array of at most so many. */
const findObjects: Special = ({ raw }, values) => {
  if (values.length !== 1) count(values, 2);
  const session = readHandle(values[0], 0);
  const limit = values.length === 1 ? 1 : Number(readNumber(values[1], 1));
  if (limit === 0) throw returned('ARGUMENTS_BAD', 'C_FindObjects');
  const found = calling('C_FindObjects', () => {
    const handles: bigint[] = [];
    for (;;) {
      const room = Math.min(limit - handles.length, FIND_AT_ONCE);
      const some = raw.C_FindObjectsSync(session, room);
      handles.push(...some);
      if (some.length === 0 || handles.length >= limit) return handles.map(fromUlong);
    }
  });
  return values.length === 1 ? (found[0] ?? null) : found;
};

const generateRandom: Special = ({ raw }, values) => {
  count(values, 2);
  const session = readHandle(values[0], 0);
  const output = bytesOf(readBytes(values[1], 1));
  calling('C_GenerateRandom', () => raw.C_GenerateRandomSync(session, output.length).copy(output));
  return values[1];
};

/** The slot, or null when there was no event. Without CKF_DONT_BLOCK it blocks the thread until there is one. */
const waitForSlotEvent: Special = ({ raw }, values) => {
  count(values, 1);
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
