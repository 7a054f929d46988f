/**
 * A reporter for Vitest that repeats in its last lines which tests failed and which have no result. When a worker process
 * crashes in native code, the rest of its file is lost: the unfinished tests are then the only trace.
 */
export default class LastLines {
  onTestRunEnd(modules, errors) {
    const lines = modules.flatMap((module) => {
      const file = module.relativeModuleId;
      const tests = [...module.children.allTests()];
      const failed = tests.filter((test) => test.result().state === 'failed');
      const open = tests.filter((test) => test.result().state === 'pending');
      return [
        ...module.errors().map(({ message }) => `${file}: ${firstLine(message)}`),
        ...failed.map((test) => `${file} > ${test.fullName}: ${firstLine(test.result().errors[0]?.message)}`),
        ...(open.length === 0
          ? []
          : [`${file}: no result of ${open.map(({ fullName }) => fullName).join(', ')}`]),
      ];
    });
    lines.push(...errors.map(({ message }) => `outside of a test: ${firstLine(message)}`));
    if (lines.length === 0) return;
    process.once('exit', () =>
      process.stderr.write(`\nNot passed:\n${lines.map((line) => `  ${line}\n`).join('')}`),
    );
  }
}

function firstLine(text = '') {
  return text.split('\n', 1)[0].slice(0, 300);
}
