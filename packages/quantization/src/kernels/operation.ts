import { fakeQuantizeGradOperation, fakeQuantizeOperation, type FakeQuantizeGrid } from '@nncf/backend/kernels';
import type { ChannelView } from '../channels.ts';
import type { FakeQuantizeKernels, Grid } from '../kernels.ts';

/** Fake quantization by the backend's compiled operations: one pass forward and one backward, on all processors. */
export function operationKernels(view: ChannelView): FakeQuantizeKernels {
  const gridOf = ({ low, range, levels }: Grid): FakeQuantizeGrid => ({ low, range, levels, inner: view.inner });
  return {
    forward: (x, grid) => fakeQuantizeOperation(x, gridOf(grid)),
    backward: ({ upstream, x }, grid, levelRatio) => fakeQuantizeGradOperation(upstream, x, gridOf(grid), levelRatio),
  };
}
