// @ts-check
// Targets that fail on purpose at step 20, for the tests of the runner.

/** @param {string} what */
export const on = (what) => ({
  /** @param {import('../leg.mjs').Leg} leg */
  async run(leg) {
    while (leg.next()) {
      const random = leg.stepRandom;
      const text = `planted(${random.below(1000)}, ${random.bytes(4).toString('hex')})`;
      leg.note(text);
      leg.count('planted', 'ok');
      if (leg.step % 10 === 0) await new Promise(setImmediate);
      if (leg.step !== 20) continue;
      if (what === 'failure') leg.fail('planted failure', text);
      if (what === 'abort') process.abort();
      if (what === 'hang') for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
      if (what === 'unsettled')
        await leg.settle([{ name: 'planted', text, promise: new Promise(() => {}) }], 500);
      if (what === 'rejection') Promise.reject(new Error('planted rejection'));
    }
  },
});
