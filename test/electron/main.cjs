// The checks of test/matrix/client.mjs in the main process of Electron; also runs in plain Node.js.
//
//   CRYPTOKI_SOFTHSM2=/usr/lib/softhsm/libsofthsm2.so electron --no-sandbox test/electron/main.cjs

const { resolve } = require('node:path');
const { pathToFileURL } = require('node:url');

const program = resolve(__dirname, '..', 'matrix', 'client.mjs');
process.argv = [process.argv[0], program, process.env.CRYPTOKI_SOFTHSM2];
import(pathToFileURL(program).href).catch((error) => {
  console.error(error);
  process.exit(1);
});
