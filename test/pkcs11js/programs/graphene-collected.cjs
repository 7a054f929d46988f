// The callback form of graphene, with input that is garbage-collected: node --expose-gc graphene-collected.cjs FOLDER MODULE.
// Prints the number of correct digests of a thousand.

const { createHash } = require('node:crypto');
const { createRequire } = require('node:module');
const { join } = require('node:path');

const [, , folder, library] = process.argv;
const graphene = createRequire(join(folder, 'program.js'))('graphene-pk11');
const SIZE = 2 ** 20;
const wanted = Array.from({ length: 4 }, (_, fill) =>
  createHash('sha256').update(Buffer.alloc(SIZE, fill)).digest('hex'),
);

async function main() {
  const module_ = graphene.Module.load(library);
  module_.initialize();
  const sessions = wanted.map(() => module_.getSlots(0, true).open());
  let right = 0;
  for (let round = 0; round < 250; round += 1) {
    const begun = sessions.map(
      (session, fill) =>
        new Promise((resolve) => {
          session.createDigest('sha256').once(Buffer.alloc(SIZE, fill), (error, digest) => {
            resolve(error ?? digest.toString('hex') === wanted[fill]);
          });
        }),
    );
    gc();
    for (let others = 0; others < 8; others += 1) Buffer.alloc(SIZE, 0xee);
    for (const result of await Promise.all(begun)) right += result === true ? 1 : 0;
  }
  module_.finalize();
  console.log(JSON.stringify(right));
}

main();
