// @ts-check
// Nested templates and mechanisms: deeper than any stack, or endless because they contain themselves.
import { CKA, CKM } from 'cryptoki/raw';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./values.mjs').Made} Made */

const DEPTHS = [2, 5, 20, 1000, 30_000];

/** @param {number} depth @returns {unknown} */
function deepTemplate(depth) {
  /** @type {unknown[]} */
  let template = [{ type: CKA.LABEL, value: 'inside' }];
  for (let i = 0; i < depth; i += 1) template = [{ type: CKA.WRAP_TEMPLATE, value: template }];
  return template;
}

/** @param {number} depth @returns {unknown} */
function deepMechanism(depth) {
  /** @type {Record<string, unknown>} */
  let mechanism = { mechanism: CKM.SHA256 };
  for (let i = 0; i < depth; i += 1) mechanism = holder(mechanism);
  return mechanism;
}

/** A mechanism whose parameter contains another mechanism. @param {unknown} inner */
function holder(inner) {
  const parameter = { structure: 'CK_CMS_SIG_PARAMS', certificateHandle: 0n, signingMechanism: inner };
  return { mechanism: CKM.CMS_SIG, parameter };
}

/** @param {Random} random @returns {Made} */
export function nestedTemplate(random) {
  if (random.chance(0.3)) {
    /** @type {{ type: number, value?: unknown }[]} */
    const template = [{ type: CKA.WRAP_TEMPLATE }];
    for (const attribute of template) attribute.value = template;
    return [template, 'a template that holds itself'];
  }
  const depth = random.pick(DEPTHS);
  return [deepTemplate(depth), `${depth} templates in each other`];
}

/** @param {Random} random @returns {Made} */
export function nestedMechanism(random) {
  if (random.chance(0.3)) {
    const mechanism = holder(undefined);
    mechanism.parameter.signingMechanism = mechanism;
    return [mechanism, 'a mechanism that holds itself'];
  }
  const depth = random.pick(DEPTHS);
  return [deepMechanism(depth), `${depth} mechanisms in each other`];
}
