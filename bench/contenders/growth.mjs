// @ts-check
// Repeats one kind of work in growing amounts on the null module, and prints for each amount the time and the memory of the
// process. Run with --expose-gc, and with the environment variable of the null module for its objects.
//
//   growth.mjs MODULE KIND MOST
import { Module } from 'cryptoki';
import { CKM } from 'cryptoki/raw';

const [path = '', kind = '', most = '1'] = process.argv.slice(2);

const message = Buffer.alloc(32, 0x5a);
const digest = { mechanism: CKM.SHA256 };
const ecdsa = { mechanism: CKM.ECDSA };

/** Peak memory in bytes. */
class Peak {
  bytes = 0;
  look() {
    this.bytes = Math.max(this.bytes, process.memoryUsage.rss());
  }
}

/** @param {number} count */
function* messages(count) {
  for (let i = 0; i < count; i += 1) yield message;
}

/** @type {Record<string, (session: import('cryptoki').Session, count: number, peak: Peak) => Promise<void>>} */
const KINDS = {
  /** A batch of an iterable, whose results are read one at a time. */
  async 'messages of a batch'(session, count, peak) {
    let seen = 0;
    for await (const { error } of session.digestMany(digest, messages(count))) {
      if (error !== undefined) throw error;
      seen += 1;
      if (seen % 8192 === 0) peak.look();
    }
    if (seen !== count) throw new Error(`${seen} results of ${count} messages`);
  },
  /** 64 operations in flight, the next one started when one ends. */
  async 'single operations'(session, count, peak) {
    let begun = 0;
    const lane = async () => {
      while (begun < count) {
        begun += 1;
        await session.digest(digest, message);
        if (begun % 8192 === 0) peak.look();
      }
    };
    await Promise.all(Array.from({ length: 64 }, lane));
  },
  /** Sessions that are open at the same time, each of which signs once. */
  async sessions(session, count, peak) {
    const key = await session.privateKey({ label: 'cryptoki-bench-p256' });
    const opened = [];
    for (let i = 0; i < count; i += 1) opened.push(await session.token.openSession());
    await Promise.all(opened.map((each) => key.on(each).sign(ecdsa, message)));
    peak.look();
    await Promise.all(opened.map((each) => each.close()));
  },
  /** Objects found by one search. */
  async 'objects found'(session, count, peak) {
    const found = await session.find({ label: 'filler' }, { limit: count });
    if (found.length !== count) throw new Error(`${found.length} objects of ${count}`);
    peak.look();
  },
};

/** Memory after garbage collection. */
async function settled() {
  for (let i = 0; i < 3; i += 1) {
    global.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return process.memoryUsage.rss();
}

const work = KINDS[kind];
if (work === undefined) throw new RangeError(`no kind ${kind}`);
const module = await Module.open(path);
const token = await module.token({ label: 'null' });
const session = await token.openSession();
await session.login('none');
await work(session, 64, new Peak()); // warm-up: code is loaded and compiled
const counts = [];
for (let count = 1; count <= Number(most); count *= 10) counts.push(count);
// The largest amount runs twice: a leak shows in the second run.
for (const [index, count] of [...counts, Number(most)].entries()) {
  const before = await settled();
  const peak = new Peak();
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await work(session, count, peak);
  const milliseconds = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  peak.look();
  const after = await settled();
  const again = index === counts.length;
  const point = { count, again, milliseconds, cpu: (user + system) / 1000, before, peak: peak.bytes, after };
  process.stdout.write(`${JSON.stringify(point)}\n`);
}
await session.close();
await module.close();
