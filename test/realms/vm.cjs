// Runs the checks in a context of node:vm, on the package:
//
//   node vm.cjs SOFTHSM own      loaded in the context, as CommonJS
//   node --experimental-vm-modules vm.cjs SOFTHSM esm      the same, imported from its ES modules
//   node vm.cjs SOFTHSM main     loaded by Node itself, so that values and callbacks only are of another realm
//   node vm.cjs SOFTHSM copies   loaded four times: by Node, from another path, in a context, and in another one
//   node --expose-gc vm.cjs SOFTHSM collected   loaded in contexts that are given up
//
// Prints a line of JSON for each check: { name, error? }.

const { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } = require('node:fs');
const { createRequire } = require('node:module');
const { tmpdir } = require('node:os');
const { dirname, isAbsolute, join, resolve } = require('node:path');
const vm = require('node:vm');
const { checks: copyChecks } = require('./copies.cjs');

const root = resolve(__dirname, '..', '..');
const checksFile = join(__dirname, 'checks.cjs');
const entry = (/** @type {string} */ name) => join(root, 'dist', name, 'index');
const [softhsm = '', mode = 'own'] = process.argv.slice(2);

/** @type {string | undefined} */
let folder;

/** The package in another folder, until the end of the process. */
function elsewhere() {
  if (folder !== undefined) return folder;
  folder = mkdtempSync(join(tmpdir(), 'cryptoki-copy-'));
  const made = folder;
  process.once('exit', () => rmSync(made, { recursive: true }));
  for (const name of ['package.json', 'dist', 'build'])
    cpSync(join(root, name), join(made, name), {
      recursive: true,
      filter: (path) => !path.includes('CMakeFiles'),
    });
  symlinkSync(join(root, 'node_modules'), join(made, 'node_modules'), 'junction');
  return made;
}

/** A realm with what Node adds to the language, and a loader of CommonJS. */
function createRealm() {
  const context = vm.createContext({});
  const language = new Set(vm.runInContext('Object.getOwnPropertyNames(globalThis)', context));
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!language.has(name) && name !== 'global') context[name] = Reflect.get(globalThis, name);
  }
  context.global = vm.runInContext('globalThis', context);
  /** @type {Map<string, { exports: any }>} */
  const cache = new Map();
  /** @param {string} file @returns {any} */
  const load = (file) => {
    if (file.endsWith('.node')) return require(file);
    const known = cache.get(file);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    cache.set(file, module);
    const text = readFileSync(file, 'utf8');
    if (file.endsWith('.json')) {
      module.exports = JSON.parse(text);
      return module.exports;
    }
    const { resolve: find } = createRequire(file);
    const own = Object.assign(
      (/** @type {string} */ id) => {
        const found = find(id);
        return isAbsolute(found) ? load(found) : require(found);
      },
      { resolve: find },
    );
    const wrapped = `(function (exports, require, module, __filename, __dirname) {${text}\n})`;
    vm.runInContext(wrapped, context, { filename: file })(module.exports, own, module, file, dirname(file));
    return module.exports;
  };
  /** Imports an ES module whose imports are CommonJS. @param {string} file */
  const importModule = async (file) => {
    const module = new vm.SourceTextModule(readFileSync(file, 'utf8'), { context, identifier: file });
    await module.link((specifier) => {
      const exports = load(resolve(dirname(file), specifier));
      return new vm.SyntheticModule(
        ['default'],
        function () {
          this.setExport('default', exports);
        },
        { context },
      );
    });
    await module.evaluate();
    return module.namespace;
  };
  return { load, importModule };
}

/** @param {(file: string) => any} load */
async function entries(load) {
  return {
    cryptoki: await load(entry('.')),
    raw: await load(entry('raw')),
    testing: await load(entry('testing')),
    pkcs11js: await load(entry('pkcs11js')),
  };
}

/** Uses the package in a realm, and lets go of it. */
async function useRealm() {
  const { load } = createRealm();
  const { raw, cryptoki, testing } = await entries((path) => load(`${path}.js`));
  const token = await testing.createSoftToken({ module: softhsm });
  const module = await raw.load(token.module);
  await module.C_Initialize();
  const [slot] = await module.C_GetSlotList(true);
  const session = await module.C_OpenSession(slot, 4n);
  await module.digest(session, { mechanism: raw.CKM.SHA256 }, Buffer.from('message'));
  await module.C_SignInit(session, { mechanism: raw.CKM.ECDSA }, 99n).catch(() => {});
  await module.C_Finalize();
  const client = await cryptoki.connect({ module: token.module }, { pin: token.pin });
  await client.random(8);
  await client.close();
  token.remove();
  return new WeakRef(raw.CryptokiError);
}

/** @returns {[string, () => Promise<void>][]} */
const collectedChecks = () => [
  [
    'a realm that is given up is collected',
    async () => {
      const gone = [];
      for (let count = 0; count < 4; count++) gone.push(await useRealm());
      for (let tries = 0; tries < 10; tries++) {
        await new Promise((done) => setTimeout(done, 50));
        globalThis.gc?.();
      }
      const alive = gone.filter((reference) => reference.deref() !== undefined).length;
      if (alive > 0) throw new Error(`${alive} realms of ${gone.length} are alive`);
    },
  ],
];

/** @param {(path: string) => any} load @param {boolean} isOwn */
const loaded = async (load, isOwn) => ({
  ...(await entries(load)),
  softhsm,
  isOwn,
  mainSymbol: Symbol.asyncDispose,
});

const byNode = (/** @type {string} */ path) => require(`${path}.js`);
/** @param {ReturnType<typeof createRealm>} realm @returns {(path: string) => any} */
const inside = (realm) => (path) => realm.load(`${path}.js`);

/** The checks of each mode. @type {Record<string, () => Promise<[string, () => Promise<void>][]>>} */
const modes = {
  own: async () => {
    const realm = createRealm();
    return realm.load(checksFile).checks(await loaded(inside(realm), true));
  },
  esm: async () => {
    const realm = createRealm();
    return realm.load(checksFile).checks(await loaded((path) => realm.importModule(`${path}.mjs`), true));
  },
  main: async () =>
    createRealm()
      .load(checksFile)
      .checks(await loaded(byNode, false)),
  copies: async () => {
    const copies = [
      await entries(byNode),
      await entries((path) => byNode(path.replace(root, elsewhere()))),
      await entries(inside(createRealm())),
      await entries(inside(createRealm())),
    ];
    return copyChecks({ softhsm, copies });
  },
  collected: async () => collectedChecks(),
};

async function main() {
  const choose = modes[mode];
  if (choose === undefined) throw new Error(`there is no mode ${mode}`);
  for (const [name, check] of await choose()) {
    try {
      await check();
      console.log(JSON.stringify({ name }));
    } catch (error) {
      console.log(JSON.stringify({ name, error: String(/** @type {any} */ (error)?.stack ?? error) }));
    }
  }
}

main();
