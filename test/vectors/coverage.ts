import { expect, test } from 'vitest';
import { onEachModule } from './support/modules';

onEachModule((target) => {
  test('each mechanism has a test that passed, a known limit of the module, or a gap with its reason', (context) => {
    const { mechanisms, tested, limited, description } = target;
    if (mechanisms === undefined) return context.skip(`${description.name} is not here`);
    const gaps = new Set(description.gaps.flatMap((gap) => gap.mechanisms));
    const offered = [...mechanisms].sort();
    const missing = offered.filter((name) => !tested.has(name) && !limited.has(name) && !gaps.has(name));
    expect(missing, `neither tested nor explained: ${missing.join(', ')}`).toEqual([]);
    const filled = offered.filter((name) => tested.has(name) && gaps.has(name));
    expect(filled, `a gap that is none: ${filled.join(', ')}`).toEqual([]);
  });
});
