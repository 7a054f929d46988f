// A program that ends with code 7, with a module that has registered an exit handler. Arguments: module, oddity,
// exitHandlers.
import { Module } from 'cryptoki';
import { FaultModule } from 'cryptoki/testing';

const [path, oddity, exitHandlers] = process.argv.slice(2);
const hsm = await FaultModule.create({ module: path, plan: [{ function: 'C_Initialize', oddity }] });
await Module.open(hsm.path, { exitHandlers });
process.exit(7);
