// @ts-check
// The child process of one leg. main.mjs starts and supervises it; the options are one JSON argument.
import { Leg, Skip } from './leg.mjs';
import { targets } from './targets/index.mjs';

const options = JSON.parse(process.argv[2] ?? '{}');
const target = targets.find(({ name }) => name === options.target);
if (target === undefined) throw new RangeError(`no target ${options.target}`);

const leg = new Leg(options);
process.on('unhandledRejection', (error) => {
  leg.fail('unhandled rejection', error instanceof Error ? `${error.stack}` : String(error));
});
process.on('uncaughtException', (error) => {
  leg.fail(`uncaught exception: ${error.name}: ${error.message.slice(0, 80)}`, `${error.stack}`);
  leg.save();
  process.exit(3);
});

try {
  leg.note(`leg of ${target.name}, seed ${options.seed}`);
  const { run } = await target.load();
  await run(leg);
  const verified = Object.values(leg.counts.verified).reduce((sum, count) => sum + count, 0);
  if (verified === 0 && leg.step > 100 && !target.planted)
    leg.fail('nothing was verified', `in ${leg.step} steps`);
  leg.note('end of the leg');
  await new Promise((resolve) => setTimeout(resolve, 50)); // unhandled rejections and exceptions are reported in this time
} catch (error) {
  if (error instanceof Skip) leg.counts.skipped = error.message;
  else
    leg.fail(
      `the target itself failed: ${String(error).slice(0, 80)}`,
      error instanceof Error ? `${error.stack}` : '',
    );
}
leg.save();
process.exit(leg.counts.failures.length > 0 ? 3 : 0);
