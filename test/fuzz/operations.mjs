// @ts-check
// Plans of calls with known results: operations in one call, in several calls, and batches.
import { pack } from './arguments.mjs';
import { messageFor, RECIPES } from './recipes.mjs';
import { sabotage } from './sabotage.mjs';
import { bytesOf, contentOf } from './values.mjs';

/** @typedef {import('./random.mjs').Random} Random */
/** @typedef {import('./leg.mjs').Leg} Leg */
/** @typedef {import('./ground.mjs').Ground} Ground */
/** @typedef {import('./call.mjs').Plan} Plan */
/** @typedef {import('./recipes.mjs').Recipe} Recipe */
/** @typedef {import('./keys.mjs').KnownKey} KnownKey */
/** @typedef {import('./sabotage.mjs').Scene} Scene */

const LARGEST_MESSAGE = 100_000;
const MOST_SIGNATURES = 50;

/** Sabotage that does not change the arguments, so that the result must be right. */
const HARMLESS =
  /(calls|collects garbage|changes nothing|closes the session|finalises|has a prototype|frozen)\)/;
/** Sabotage of memory: the call may have used the bytes from before or after the change. */
const ALTERS_MEMORY = /(detaches|shrinks)\)/;

/** A copy that getters of the fuzzer cannot change. @template T @param {T} value @returns {T} */
function copyOf(value) {
  if (Buffer.isBuffer(value)) return /** @type {T} */ (/** @type {unknown} */ (Buffer.from(value)));
  if (typeof value !== 'object' || value === null) return value;
  return /** @type {T} */ (
    Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copyOf(each)]))
  );
}

/** Makes plans and stores their signatures. */
export class Operations {
  /** @type {{ recipe: Recipe, message: Buffer, parameter: unknown, signature: Buffer, publicHandle: bigint }[]} */
  #signatures = [];

  /** @param {Leg} leg @param {Ground} ground */
  constructor(leg, ground) {
    this.leg = leg;
    this.ground = ground;
  }

  /** @param {Random} random @param {(recipe: Recipe) => boolean} [fits] */
  #recipe(random, fits = () => true) {
    const recipe = random.pick(
      RECIPES.filter((each) => this.ground.mechanisms.has(each.mechanism) && fits(each)),
    );
    const key = recipe.key === undefined ? undefined : this.ground.keys[recipe.key];
    return { recipe, key: key ?? { handle: 0n, publicHandle: 0n } };
  }

  /** Handles by their use. @param {Recipe} recipe @param {KnownKey} key */
  #handles({ kind }, key) {
    if (kind === 'digest') return [];
    return [kind === 'encrypt' ? key.publicHandle : key.handle];
  }

  /**
   * @param {string} text of a call @param {Recipe} recipe @param {Buffer} message @param {Buffer} result
   * @param {KnownKey} key @param {unknown} parameter @param {readonly unknown[]} [later] memory of message and parameter
   */
  #judge(text, recipe, message, result, key, parameter, later) {
    if (!this.ground.isJudged) return undefined;
    const right = recipe.isRight(message, result, key, parameter);
    if (right) return this.leg.verified(recipe.name);
    if (later !== undefined) {
      const [messages, parameters] = [
        [message, contentOf(later[0])],
        [parameter, later[1]],
      ];
      const emptied = { ...(typeof parameter === 'object' ? parameter : undefined) };
      for (const now of messages)
        for (const used of [...parameters, emptied]) {
          try {
            if (recipe.isRight(now, result, key, used)) return this.leg.verified(recipe.name);
          } catch {
            // The operation cannot have succeeded with this parameter.
          }
        }
    }
    return this.leg.fail(
      `${text.split('(')[0]}: wrong result of ${recipe.name}`,
      `${text}: ${result.length} bytes`,
    );
  }

  /**
   * An operation in one call. @param {Random} random @param {Scene} scene @param {'clean' | 'sabotage' | 'pollute'} mode
   * @returns {Plan}
   */
  single(random, scene, mode) {
    if (this.#signatures.length > 0 && mode === 'clean' && random.chance(0.15)) return this.#verify(random);
    const { recipe, key } = this.#recipe(random);
    const message = messageFor(random, recipe, LARGEST_MESSAGE);
    const parameter = recipe.parameter(random);
    const original = copyOf(parameter);
    const [data, dataText] = bytesOf(random, recipe.input?.(message, key, parameter) ?? message);
    const session = random.pick(this.ground.free);
    /** @type {unknown} */
    let mechanism = { mechanism: recipe.mechanism, parameter };
    let text = `${recipe.name}, ${dataText}`;
    scene.memories.push(
      data,
      parameter,
      ...(typeof parameter === 'object' ? Object.values(parameter ?? {}) : []),
    );
    if (mode === 'sabotage') {
      const [spoiled, how] = sabotage(random, /** @type {object} */ (mechanism), scene);
      mechanism = spoiled;
      text += how;
    }
    const intact = mode === 'clean' || (mode === 'sabotage' && HARMLESS.test(text));
    const memory =
      mode === 'sabotage' &&
      ALTERS_MEMORY.test(text) &&
      recipe.input === undefined &&
      !Buffer.isBuffer(parameter) &&
      typeof parameter !== 'object';
    return {
      name: recipe.kind,
      parameters: [session, mechanism, ...this.#handles(recipe, key), data],
      text,
      sync: random.chance(0.5),
      pollute: mode === 'pollute',
      strange: /proxy/.test(text),
      check: (result) => {
        const bytes = /** @type {Buffer} */ (result);
        if (!intact && !memory) return;
        this.#judge(
          `${recipe.kind}(${text}`,
          recipe,
          message,
          bytes,
          key,
          original,
          memory ? [data, parameter] : undefined,
        );
        if (recipe.kind === 'sign' && intact && this.ground.isJudged && recipe.input === undefined)
          this.#keepSignature(recipe, message, original, bytes, key, random);
      },
    };
  }

  /** @param {Recipe} recipe @param {Buffer} message @param {unknown} parameter @param {Buffer} signature @param {KnownKey} key @param {Random} random */
  #keepSignature(recipe, message, parameter, signature, key, random) {
    const { publicHandle } = key;
    if (this.#signatures.length >= MOST_SIGNATURES) this.#signatures.splice(random.below(MOST_SIGNATURES), 1);
    this.#signatures.push({ recipe, message, parameter, signature: Buffer.from(signature), publicHandle });
  }

  /** @param {Random} random @returns {Plan} */
  #verify(random) {
    const { recipe, message, parameter, signature, publicHandle } = random.pick(this.#signatures);
    const given = Buffer.from(signature);
    const isRight = random.chance(0.5);
    const at = random.below(given.length);
    if (!isRight) given[at] = (given[at] ?? 0) ^ (1 << random.below(8));
    const { data, text } = {
      data: bytesOf(random, message),
      text: `${recipe.name}, ${isRight ? 'right' : 'wrong'} signature`,
    };
    const current = recipe.key === undefined ? undefined : this.ground.keys[recipe.key]?.publicHandle;
    return {
      name: 'verify',
      parameters: [
        random.pick(this.ground.free),
        { mechanism: recipe.mechanism, parameter: copyOf(parameter) },
        publicHandle,
        data[0],
        bytesOf(random, given)[0],
      ],
      text,
      sync: random.chance(0.5),
      check: (result) => {
        if (current !== publicHandle || !this.ground.isJudged) return; // the key of the signature no longer exists
        if (result !== isRight)
          this.leg.fail(`verify: says ${result} of a signature that is ${isRight ? 'right' : 'wrong'}`, text);
        else this.leg.verified(`verify ${recipe.name}`);
      },
    };
  }

  /** A batch. @param {Random} random @returns {Plan} */
  batch(random) {
    const { recipe, key } = this.#recipe(random, ({ kind }) => kind !== 'decrypt' || true);
    const messages = Array.from({ length: random.pick([0, 1, 2, 5, 30]) }, () =>
      messageFor(random, recipe, 3000),
    );
    const parameter = recipe.parameter(random);
    const { data, offsets } = pack(
      random,
      messages.map((message) => recipe.input?.(message, key, parameter) ?? message),
    );
    const one = { mechanism: recipe.mechanism, parameter: copyOf(parameter) };
    const perMessage = ['encrypt', 'decrypt'].includes(recipe.kind) && random.chance(0.5);
    const mechanism = perMessage ? messages.map(() => ({ ...one, parameter: copyOf(parameter) })) : one;
    const text = `${recipe.name}, ${messages.length} messages, ${data[1]}`;
    return {
      name: `${recipe.kind}Many`,
      parameters: [random.pick(this.ground.free), mechanism, ...this.#handles(recipe, key), data[0], offsets],
      text,
      sync: random.chance(0.5),
      check: (result) => {
        const batch = /** @type {import('cryptoki/raw').RawBatch} */ (result);
        const failed = new Set(batch.failures.map(({ index }) => index));
        for (const { error } of batch.failures)
          this.leg.judgeError(`${recipe.kind}Many of a message`, error, { text });
        const { data: all = Buffer.alloc(0), offsets: ends = new Uint32Array() } = batch;
        if (batch.count > messages.length)
          this.leg.fail(`${recipe.kind}Many: more results than messages`, text);
        for (let i = 0; i < Math.min(batch.count, messages.length); i += 1) {
          if (failed.has(i)) continue;
          this.#judge(
            `${recipe.kind}Many(${text}`,
            recipe,
            messages[i] ?? Buffer.alloc(0),
            all.subarray(ends[i], ends[i + 1]),
            key,
            parameter,
          );
        }
      },
    };
  }

  /** An operation in several calls, on a session that nothing else uses. @param {Random} random @returns {Plan[]} */
  parts(random) {
    const { recipe, key } = this.#recipe(random);
    const message = messageFor(random, recipe, 20_000);
    const parameter = recipe.parameter(random);
    const given = recipe.input?.(message, key, parameter) ?? message;
    const session = /** @type {bigint} */ (random.pick(this.ground.own.slice(1)));
    const verb = `C_${recipe.kind[0]?.toUpperCase()}${recipe.kind.slice(1)}`;
    const [hasOutput, isWhole] = [
      ['encrypt', 'decrypt'].includes(recipe.kind),
      recipe.once || random.chance(0.3),
    ];
    const isSync = random.pick([() => true, () => false, () => random.chance(0.5)]);
    /** @type {Buffer[]} */
    const outputs = [];
    let done = 0;
    /** @type {Plan[]} */
    const plans = [];
    /** @param {string} name @param {unknown[]} parameters @param {string} text */
    const push = (name, parameters, text) => {
      const index = plans.length;
      const check = (/** @type {unknown} */ result) => {
        done += 1;
        outputs[index] = Buffer.isBuffer(result) ? Buffer.from(result) : Buffer.alloc(0);
        // Synchronous calls return before asynchronous ones. If a call has failed, the operation was another one.
        if (done !== plans.length) return;
        this.#judge(
          `${name}(${recipe.name}, ${plans.length} calls`,
          recipe,
          message,
          Buffer.concat(outputs),
          key,
          parameter,
        );
      };
      plans.push({ name, parameters: [session, ...parameters], text, sync: isSync(), check });
    };
    push(
      `${verb}Init`,
      [{ mechanism: recipe.mechanism, parameter: copyOf(parameter) }, ...this.#handles(recipe, key)],
      recipe.name,
    );
    if (isWhole) {
      const [data, text] = bytesOf(random, given);
      push(verb, [data], text);
      return plans;
    }
    const cuts = Array.from({ length: random.below(5) }, () => random.below(given.length + 1)).sort(
      (a, b) => a - b,
    );
    for (const [i, cut] of [...cuts, given.length].entries()) {
      const [data, text] = bytesOf(random, Buffer.from(given.subarray(cuts[i - 1] ?? 0, cut)));
      push(`${verb}Update`, [hasOutput || random.chance(0.7) ? data : [data]], text);
    }
    push(`${verb}Final`, [], '');
    return plans;
  }

  /** Forgets signatures, because their keys no longer exist. */
  forget() {
    this.#signatures = [];
  }
}
