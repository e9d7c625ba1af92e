import { find, register, registered, registryToken, resolvePlugin } from '@nncf/core';
import { describe, expect, it } from 'vitest';

interface Greeter {
  greet(): string;
}

describe('registry', () => {
  const token = registryToken<Greeter>('greeter');
  const hello = { greet: () => 'hello' };

  it('finds what was registered and lists it in order', () => {
    register(token, 'hello', hello);
    register(token, 'hello', hello);
    register(token, 'bye', { greet: () => 'bye' });
    expect(find(token, 'hello')).toBe(hello);
    expect(registered(token)).toEqual(['hello', 'bye']);
    expect(find(token, 'nothing')).toBeUndefined();
  });

  it('overwrites nothing', () => {
    expect(() => register(token, 'hello', { greet: () => 'other' })).toThrow(/Another greeter is registered as "hello"/u);
    expect(find(token, 'hello')).toBe(hello);
  });
});

describe('resolving a plug-in', () => {
  const token = registryToken<Greeter>('late greeter');

  it('imports the allowed packages in order until one registers it', async () => {
    const asked: string[] = [];
    const load = async (name: string): Promise<void> => {
      asked.push(name);
      if (name === '@nncf/one') throw Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });
      if (name === '@acme/two') register(token, 'late', { greet: () => 'late' });
    };
    const plugin = await resolvePlugin(token, 'late', {
      packages: ['@nncf/one', '@acme/two', '@acme/three'],
      suggestion: '@nncf/one',
      load,
    });
    expect(plugin.greet()).toBe('late');
    expect(asked).toEqual(['@nncf/one', '@acme/two']);
  });

  it('imports nothing for what is registered', async () => {
    const load = async (): Promise<void> => {
      throw new Error('must not be called');
    };
    await expect(resolvePlugin(token, 'late', { packages: ['x'], suggestion: 'x', load })).resolves.toBeDefined();
  });

  it('lists what is registered and the package to install', async () => {
    await expect(resolvePlugin(token, 'later', { packages: [], suggestion: '@nncf/later' })).rejects.toThrow(
      /No late greeter is registered as "later"\. Registered: late\.\s+Did you mean "late"\? Install it: npm install @nncf\/later/u,
    );
  });

  it('tells a missing dependency of a package from the package', async () => {
    const message = "Cannot find package 'zod' imported from /project/node_modules/@acme/broken/index.js";
    const load = async (): Promise<void> => {
      throw Object.assign(new Error(message), { code: 'ERR_MODULE_NOT_FOUND' });
    };
    const options = { packages: ['@acme/broken'], suggestion: 'x', load };
    await expect(resolvePlugin(token, 'broken', options)).rejects.toMatchObject({ code: 'PLUGIN_BROKEN' });
  });

  it('tells a package that is broken from one that is missing', async () => {
    const load = async (): Promise<void> => {
      throw new Error('boom');
    };
    await expect(resolvePlugin(token, 'broken', { packages: ['@acme/broken'], suggestion: 'x', load })).rejects.toMatchObject({
      code: 'PLUGIN_BROKEN',
    });
  });
});
