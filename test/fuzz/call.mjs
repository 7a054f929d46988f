// @ts-check
// Makes calls on a raw module and checks their results.
import { polluted } from './sabotage.mjs';
import { hasShape, SIGNATURES } from './signatures.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./leg.mjs').Leg} Leg */
/** @typedef {import('./ground.mjs').Ground} Ground */

/**
 * A planned call.
 * @typedef {object} Plan
 * @property {string} name of the method, without Sync
 * @property {unknown[]} parameters
 * @property {string} text for the journal
 * @property {boolean} sync
 * @property {boolean} [pollute] true: Object.prototype has an additional member during the call
 * @property {boolean} [strange] true: an argument may throw errors without a code
 * @property {(result: unknown) => void} [check] looks at the result of a call that has succeeded
 */

/** Calls in flight. */
export class Calls {
  /** @type {{ name: string, text: string, promise: Promise<unknown>, plan: Plan }[]} */
  #open = [];

  /** @param {Leg} leg @param {Ground} ground @param {import('./results.mjs').Results} results */
  constructor(leg, ground, results) {
    this.leg = leg;
    this.ground = ground;
    this.results = results;
  }

  /** Makes a call; {@link settle} checks the result of an asynchronous one. @param {Plan} plan @param {Random} random */
  start(plan, random) {
    if (this.ground.isForeign(plan.parameters[0])) return;
    const name = plan.sync ? `${plan.name}Sync` : plan.name;
    const text = `${name}(${plan.text})${plan.pollute ? ' with a polluted prototype' : ''}`;
    this.leg.note(text);
    const isSyncOnly = SIGNATURES.get(plan.name)?.isSyncOnly === true;
    const raw = /** @type {Record<string, (...parameters: unknown[]) => unknown>} */ (
      /** @type {unknown} */ (this.ground.raw)
    );
    const call = () => raw[name]?.(...plan.parameters);
    let result;
    try {
      result = plan.pollute ? polluted(random, call) : call();
    } catch (error) {
      if (!plan.sync && !isSyncOnly)
        this.leg.fail(`${name}: throws instead of rejecting`, `${text}: ${String(error)}`);
      this.leg.judgeError(name, error, { strange: plan.strange, text });
      return;
    }
    if (result instanceof Promise) this.#open.push({ name, text, promise: result, plan });
    else if (!plan.sync && !isSyncOnly) this.leg.fail(`${name}: gives no promise`, text);
    else this.#accept(plan, name, text, result, random);
  }

  /** Waits for all calls in flight and checks their results. @param {Random} random */
  async settle(random) {
    const open = this.#open;
    this.#open = [];
    if (open.length === 0) return;
    const outcomes = await this.leg.settle(open);
    outcomes.forEach((outcome, i) => {
      const call = open[i];
      if (call === undefined) return;
      const { plan, name, text } = call;
      if (outcome.status === 'fulfilled') this.#accept(plan, name, text, outcome.value, random);
      else this.leg.judgeError(name, outcome.reason, { strange: plan.strange, text });
    });
  }

  /** @param {Plan} plan @param {string} name @param {string} text @param {unknown} result @param {Random} random */
  #accept(plan, name, text, result, random) {
    this.leg.count(name, 'ok');
    const role = SIGNATURES.get(plan.name)?.result ?? 'several';
    if (!hasShape(role, result)) {
      this.leg.fail(
        `${name}: result of another type than promised`,
        `${text} gave ${typeof result}, wanted ${role}`,
      );
      return;
    }
    try {
      plan.check?.(result);
    } catch (error) {
      this.leg.fail(`${name}: result cannot be checked: ${String(error).slice(0, 60)}`, text);
    }
    this.results.keep(name, result, random);
  }
}
