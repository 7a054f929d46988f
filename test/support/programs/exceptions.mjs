// Calls that fail in a situation in which creating their error fails, too. Prints "alive" at its end.
//
//   node exceptions.mjs MODULE terminate|stack|references
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { CKM, loadSync } from 'cryptoki/raw';

const [, , path = workerData?.path, kind = workerData?.kind] = process.argv;

/** Errors of every origin: arguments, the module, the core. */
const failing = (raw) => [
  () => raw.C_GetSlotInfoSync(123456789n),
  () => raw.C_CloseSessionSync(987654321n),
  () => raw.C_DigestSync(1n, 'no bytes'),
  () => raw.C_GetTokenInfoSync({}),
  () => raw.digestSync(5n, { mechanism: CKM.SHA256 }, Buffer.alloc(1)),
  () => loadSync('/nowhere/at/all.so'),
  () => raw.C_WaitForSlotEventSync('x'),
];

function failForEver(raw) {
  const calls = failing(raw);
  for (;;) {
    for (const call of calls) {
      try {
        call();
      } catch {
        // This is expected to fail.
      }
    }
  }
}

/** Makes each call as near to the end of the stack as possible. */
function exhaust(call) {
  let depth = 0;
  const measure = () => {
    depth += 1;
    measure();
  };
  try {
    measure();
  } catch {
    // `depth` is now the available depth.
  }
  const descend = (left) => (left > 0 ? descend(left - 1) : deepest());
  const deepest = () => {
    try {
      call();
    } catch {
      // This is expected to fail.
    }
  };
  for (let less = 0; less < 400; less += 1) {
    try {
      descend(depth - less);
    } catch {
      // The stack has overflowed.
    }
  }
}

if (!isMainThread) {
  const raw = loadSync(path);
  raw.C_InitializeSync();
  parentPort.postMessage('ready');
  if (kind === 'terminate') failForEver(raw);
  const [slot] = raw.C_GetSlotListSync(true);
  const session = raw.C_OpenSessionSync(slot, 4);
  const parameter = () => ({ iv: Buffer.alloc(12), tagBits: 128 });
  for (let i = 0; i < 5000; i += 1) {
    raw
      .encrypt(session, { mechanism: CKM.AES_GCM, parameter: parameter() }, 1n, Buffer.alloc(100))
      .catch(() => {});
    raw.C_EncryptInit(session, { mechanism: CKM.AES_GCM, parameter: parameter() }, 1n).catch(() => {});
  }
  parentPort.postMessage('asked');
  setInterval(() => {}, 1000);
} else if (kind === 'stack') {
  const raw = loadSync(path);
  raw.C_InitializeSync();
  for (const call of failing(raw)) exhaust(call);
  console.log('alive');
} else {
  for (let round = 0; round < 8; round += 1) {
    const workers = [0, 1].map(() => new Worker(new URL(import.meta.url), { workerData: { path, kind } }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await new Promise((resolve) => setTimeout(resolve, 5 * round));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  console.log('alive');
}
