import util from 'node:util';
import { expect, it } from 'vitest';
import { installUtilShim } from '../src/util-shim.ts';

it('puts back what newer Node versions removed', () => {
  const before = ['isNullOrUndefined', 'isArray'].map((name) => Reflect.get(util, name) as unknown);
  Reflect.deleteProperty(util, 'isNullOrUndefined');
  Reflect.deleteProperty(util, 'isArray');
  try {
    installUtilShim();
    const isNullOrUndefined = Reflect.get(util, 'isNullOrUndefined') as (value: unknown) => boolean;
    const isArray = Reflect.get(util, 'isArray') as (value: unknown) => boolean;
    expect([null, undefined, 0, ''].map(isNullOrUndefined)).toEqual([true, true, false, false]);
    expect([[], {}, 'x'].map(isArray)).toEqual([true, false, false]);
  } finally {
    for (const [index, name] of ['isNullOrUndefined', 'isArray'].entries()) Reflect.set(util, name, before[index]);
  }
});
