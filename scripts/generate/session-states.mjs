// lib/generated/session-states.ts, and the table of states in docs/sessions.md.
import { BANNER } from './cpp-declarations.mjs';

const ACCESS = ['none', 'read', 'readWrite'];
const KINDS = {
  publicSession: 'public session object',
  privateSession: 'private session object',
  publicToken: 'public token object',
  privateToken: 'private token object',
};
const WORDS = { none: '–', read: 'read', readWrite: 'read, write' };

/** The states in the order of their numbers. Fails for a missing or unknown state. */
function rows({ sessionStates, constants }) {
  const names = Object.keys(constants.CKS).filter((name) => /^R[OW]_/.test(name));
  const missing = names.filter((name) => !(name in sessionStates));
  const unknown = Object.keys(sessionStates).filter((name) => !names.includes(name));
  if (missing.length + unknown.length > 0) {
    throw new Error(
      `session-states.json: missing ${missing.join(', ') || 'none'}, unknown ${unknown.join(', ') || 'none'}`,
    );
  }
  return names.map((name) => {
    const state = sessionStates[name];
    for (const kind of Object.keys(KINDS)) {
      if (!ACCESS.includes(state.access[kind]))
        throw new Error(`session-states.json: ${name} has no access for ${kind}`);
    }
    return { name, value: constants.CKS[name], ...state };
  });
}

export function tsSessionStates(spec) {
  const lines = rows(spec).map(({ name, value, readWrite, user, access, pin }) => {
    const cells = Object.keys(KINDS).map((kind) => `${kind}: '${access[kind]}'`);
    const userText = user === undefined ? '' : ` user: '${user}',`;
    const pins = pin.map((name) => `'${name}'`).join(', ');
    return `  ${name}: {\n    value: ${value}, readWrite: ${readWrite},${userText}\n    access: { ${cells.join(', ')} },\n    pin: [${pins}],\n  },`;
  });
  return `${BANNER}/** The access of a session to objects of a kind. To create, change and destroy them is writing. */
export type Access = 'none' | 'read' | 'readWrite';

/** The kinds of objects in the table of states. */
export type ObjectKind = ${Object.keys(KINDS)
    .map((kind) => `'${kind}'`)
    .join(' | ')};

/** The states of a session (CKS_, without the prefix). */
export type StateName = ${rows(spec)
    .map(({ name }) => `'${name}'`)
    .join(' | ')};

/** One state. */
export interface StateDescription {
  /** CKS_ number */
  readonly value: number;
  readonly readWrite: boolean;
  /** The user who is logged in. */
  readonly user?: 'USER' | 'SO';
  readonly access: Readonly<Record<ObjectKind, Access>>;
  /** The PIN functions that the state allows: 'set' is C_SetPIN, 'init' C_InitPIN. */
  readonly pin: readonly ('set' | 'init')[];
}

/** The five states of a session (PKCS#11 Usage Guide 3.2, section 2.6; PKCS#11 2.20, section 6.7). */
export const SESSION_STATES: Readonly<Record<StateName, StateDescription>> = {
${lines.join('\n')}
};
`;
}

function table(spec) {
  const states = rows(spec);
  const header = `| | ${states.map(({ name }) => `\`${name}\``).join(' | ')} |`;
  const line = (title, cell) => `| ${title} | ${states.map(cell).join(' | ')} |`;
  return [
    header,
    `|---${'|---'.repeat(states.length)}|`,
    line('session', ({ readWrite }) => (readWrite ? 'read/write' : 'read-only')),
    line('logged in', ({ user }) => (user === undefined ? 'nobody' : `\`${user}\``)),
    ...Object.entries(KINDS).map(([kind, title]) => line(title, ({ access }) => WORDS[access[kind]])),
    line('`setPin`', ({ pin }) => (pin.includes('set') ? 'yes' : '–')),
    line('`initPin`', ({ pin }) => (pin.includes('init') ? 'yes' : '–')),
  ].join('\n');
}

const BEGIN = '<!-- generated from spec/session-states.json -->';
const END = '<!-- end of generated -->';

/** Returns the document with its table generated again. */
export function mdSessionStates(spec, document) {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`docs/sessions.md has no "${BEGIN}" ... "${END}"`);
  return `${before}${BEGIN}\n${table(spec)}\n${END}${after}`;
}
