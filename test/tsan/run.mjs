// The program for the thread sanitizer: many sessions, closing under load, workers that start and end. It is a plain program,
// because a test runner has threads of its own. `npm run test:tsan` runs it and reads the reports of the sanitizer.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { isCode, Module } from 'cryptoki';
import { softToken } from '../../scripts/soft-token.mjs';

const folder = mkdtempSync(join(tmpdir(), 'cryptoki-tsan-'));
const soft = await softToken(folder, 'tsan');
const message = Buffer.from('message');

// SoftHSM2 returns CKR_GENERAL_ERROR when a session key ends with its session while another session signs with it, and
// CKR_KEY_FUNCTION_NOT_PERMITTED when it ends a little earlier, because the key then has no CKA_SIGN.
const lost = (error) => {
  const codes = [
    ...[
      'CKR_USER_NOT_LOGGED_IN',
      'CKR_OBJECT_HANDLE_INVALID',
      'CKR_KEY_HANDLE_INVALID',
      'ERR_CRYPTOKI_ACCESS',
    ],
    'CKR_SESSION_HANDLE_INVALID',
    'ERR_CRYPTOKI_SESSION_CLOSED',
    'ERR_CRYPTOKI_OBJECT_DEAD',
    'CKR_GENERAL_ERROR',
    'CKR_KEY_FUNCTION_NOT_PERMITTED',
  ];
  if (!isCode(error, ...codes, 'ERR_CRYPTOKI_MODULE_CLOSED', 'CKR_CRYPTOKI_NOT_INITIALIZED')) throw error;
};

/** A long queue whose results are delivered together, or a part of which is refused. */
async function burst(module, session, key, refuses) {
  const all = Array.from({ length: 24 }, () => key.sign('ECDSA-SHA256', message));
  if (refuses) module.raw.refuseWaiting(session.handle);
  for (const { reason } of await Promise.allSettled(all)) {
    if (reason !== undefined && !isCode(reason, 'ERR_CRYPTOKI_NOT_BEGUN')) throw reason;
  }
}

async function load(module, rounds) {
  const token = await module.token({ label: soft.label });
  for (let round = 0; round < rounds; round++) {
    const sessions = await Promise.all(
      Array.from({ length: 6 }, () => token.openSession({ readWrite: true })),
    );
    await sessions[0].login(soft.pin);
    const { privateKey, publicKey } = await sessions[0].generateKeyPair('EC', { curve: 'P-256' });
    const work = sessions.map(async (session) => {
      try {
        for (let i = 0; i < 30; i++) {
          const signature = await privateKey.on(session).sign('ECDSA-SHA256', message);
          if (i % 10 === 0) publicKey.on(session).verifySync('ECDSA-SHA256', message, signature);
          await session.digest('SHA-256', message);
          await session.find({ class: 'PRIVATE_KEY' });
          session.digestSync('SHA-256', message);
          if (i % 10 === 5) await burst(module, session, privateKey.on(session), i === 25);
          if (i === 15)
            await privateKey.on(session).signMany('ECDSA-SHA256', Array(20).fill(message), { sessions });
        }
      } catch (error) {
        lost(error);
      }
    });
    if (round % 2 === 1) await module.raw.C_CloseAllSessions(token.slot.id);
    await Promise.all(work);
    await Promise.all(sessions.map((session) => session.close()));
  }
}

function worker(ending) {
  return new Promise((resolve, reject) => {
    const program = new URL('../support/programs/worker.mjs', import.meta.url);
    const workerData = { module: soft.module, label: soft.label, pin: soft.pin, count: 5, ending };
    const thread = new Worker(program, { workerData });
    thread.on('error', reject).on('exit', resolve);
    if (ending === 'terminate') thread.on('message', () => thread.terminate());
  });
}

const module = await Module.open(soft.module);
await load(module, 6);
for (const ending of ['close', 'exit', 'terminate']) await Promise.all([worker(ending), worker(ending)]);
// Two threads reinitialise the module under load while others start and end their use of it.
const again = async () => {
  for (let i = 0; i < 5; i++) {
    const other = await Module.open(soft.module);
    await Promise.all([module.reinitialise(), other.reinitialise()]);
    await other.close();
  }
};
await Promise.all([again(), load(module, 3).catch(lost), load(module, 3).catch(lost)]);
const queued = load(module, 1).catch(lost);
await new Promise((resolve) => setTimeout(resolve, 50));
await module.close();
await queued;
rmSync(folder, { recursive: true, force: true });
console.log('done');
