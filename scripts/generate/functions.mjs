// docs/functions.md: the functions of PKCS#11 and the methods that reach them. The methods are listed in
// spec/function-coverage.json; test/package/function-coverage.test.ts checks that they exist.

const LEVELS = /** @type {const} */ (['model', 'client']);
const REASONS = { raw: 'noRaw', model: 'noModel', client: 'noClient' };

/** Checks that each function has an entry, and each level methods or a reason. */
function check(functions, coverage) {
  for (const name of Object.keys(coverage)) {
    if (!(name in functions))
      throw new Error(`spec/function-coverage.json: ${name} is not in spec/functions.json`);
  }
  for (const name of Object.keys(functions)) {
    const entry = coverage[name];
    if (entry === undefined) throw new Error(`spec/function-coverage.json has no entry for ${name}`);
    const known = [...LEVELS, ...Object.values(REASONS)];
    for (const member of Object.keys(entry)) {
      if (!known.includes(member))
        throw new Error(`spec/function-coverage.json: ${name} has the unknown member ${member}`);
    }
    for (const level of LEVELS) {
      const hasMethods = Array.isArray(entry[level]) && entry[level].length > 0;
      const hasReason = typeof entry[REASONS[level]] === 'string' && entry[REASONS[level]] !== '';
      if (hasMethods === hasReason) {
        throw new Error(
          `spec/function-coverage.json: ${name} needs methods or a reason for the ${level}, not both`,
        );
      }
    }
  }
}

const methods = (names) => names.map((name) => `\`${name}()\``).join(', ');

/** Returns docs/functions.md. */
export function mdFunctions({ functions: list, functionCoverage: coverage }) {
  const functions = Object.fromEntries(list.map((entry) => [entry.name, entry]));
  check(functions, coverage);
  const rows = Object.entries(functions).map(([name, { since }]) => {
    const entry = coverage[name];
    const raw = entry[REASONS.raw] ?? `\`raw.${name}()\``;
    const cells = LEVELS.map((level) => (entry[level] ? methods(entry[level]) : entry[REASONS[level]]));
    return `| \`${name}\` | ${since} | ${[raw, ...cells].join(' | ')} |`;
  });
  const reached = (level) => Object.values(coverage).filter((entry) => entry[level]).length;
  const bound = Object.values(coverage).filter((entry) => !entry[REASONS.raw]).length;
  return `<!-- Generated from spec/functions.json and spec/function-coverage.json by "npm run generate". -->
# Functions of PKCS#11

The functions of PKCS#11 2.40 to 3.2, and the methods that call them: on the raw level (\`cryptoki/raw\`), in the model, and in the
client. A cell without a method has the reason. ${bound} of ${rows.length} functions are bound on the raw level; the model reaches
${reached('model')}, the client ${reached('client')}. A method is listed with one of its classes; others have it too (\`sign()\` of
\`SecretKey\`).

| function | since | raw level | model | client |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
