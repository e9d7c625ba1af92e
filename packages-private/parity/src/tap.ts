import { FakeQuantizer } from '@nncf/quantization';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Looks at what a quantizer gets and gives, or changes it. `apply` is what the quantizer would do. */
export type Tap = (quantizer: FakeQuantizer, x: Tensor, apply: (x: Tensor) => Tensor) => Tensor;

/** Runs `f` with all quantizers tapped. */
export function withTap<T>(tap: Tap, f: () => T): T {
  const original = Reflect.get(FakeQuantizer.prototype, 'apply') as (x: Tensor) => Tensor;
  FakeQuantizer.prototype.apply = function (this: FakeQuantizer, x: Tensor): Tensor {
    return tap(this, x, (y) => original.call(this, y));
  };
  try {
    return f();
  } finally {
    FakeQuantizer.prototype.apply = original;
  }
}
