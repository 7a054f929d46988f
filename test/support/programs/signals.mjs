// A program that handles SIGINT, with a module that installs its own handler. Arguments: module, label,
// signalHandlers.
import { Module } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';

const [path, , signalHandlers] = process.argv.slice(2);
process.on('SIGINT', () => {
  console.log('interrupted');
  process.exit(0);
});
const plan = [{ function: 'C_Initialize', oddity: 'keeps-signal-handlers' }];
const hsm = await FaultModule.create({ module: path, plan });
await Module.open(hsm.path, { signalHandlers });
setInterval(() => {}, 1000);
console.log('ready');
