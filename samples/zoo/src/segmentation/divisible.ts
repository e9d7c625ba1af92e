import { NncfError } from '@nncf/core';
import type { ImageShape } from '../builder.ts';

/** @throws NncfError `INVALID_ARGUMENT` when a network that halves pictures again and again cannot take this size */
export function checkDivisible(network: string, [height, width]: ImageShape, divisor: number): void {
  if (height % divisor === 0 && width % divisor === 0) return;
  throw new NncfError({
    code: 'INVALID_ARGUMENT',
    source: 'zoo',
    message: `${network} cannot take pictures of ${height} × ${width}`,
    hint: `Height and width must be multiples of ${divisor}: it halves the picture ${Math.log2(divisor)} times.`,
  });
}
