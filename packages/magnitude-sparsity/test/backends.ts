import { useBackend } from '@nncf/backend';
import { beforeAll, describe } from 'vitest';

/** The same tests on every backend. */
export function describeBackends(name: string, tests: () => void): void {
  describe(`${name} on cpu`, () => {
    beforeAll(async () => {
      await useBackend({ prefer: 'cpu', quiet: true });
    });
    tests();
  });
}
