import { matchesScope, NncfError, requireMatches } from '@nncf/core';
import { describe, expect, it } from 'vitest';

const node = { name: 'encoder/conv1/Conv2D_0', scope: 'encoder/conv1' };

describe('scope patterns', () => {
  it.each([
    ['encoder/conv1/Conv2D_0', true],
    ['encoder/conv1', true],
    ['encoder', true],
    ['encoder/conv', false],
    ['conv1', false],
    ['{re}conv\\d', true],
    ['{re}^encoder/.*Conv2D_0$', true],
    ['{re}decoder', false],
  ])('%s matches: %s', (pattern, expected) => {
    expect(matchesScope(pattern, node)).toBe(expected);
  });

  it('refuses a pattern that matches nothing, with pointer and nearest scope', () => {
    expect(() => requireMatches(['encoder', 'encoder/conv2'], [node], '/compression/ignored_scopes')).toThrow(
      /"encoder\/conv2" at \/compression\/ignored_scopes\/1 matches nothing[\s\S]*Did you mean "encoder\/conv1"/u,
    );
  });

  it('refuses a broken regular expression', () => {
    expect(() => matchesScope('{re}(', node)).toThrow(NncfError);
  });
});
