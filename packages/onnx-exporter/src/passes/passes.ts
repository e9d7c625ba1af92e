import type { OnnxGraph } from '../emit/onnx-graph.ts';
import type { ResolvedOptions } from '../options.ts';
import { dropDead } from './drop-dead.ts';
import { dropDuplicates } from './drop-duplicates.ts';
import { dropNeedlessClips } from './drop-needless-clips.ts';
import { dropNeutral } from './drop-neutral.ts';
import { dropUnreadChannels } from './drop-unread-channels.ts';
import { foldAffine } from './fold-affine.ts';
import { foldPad } from './fold-pad.ts';
import { fuseLayerNorm } from './fuse-layer-norm.ts';
import { mergeClips } from './merge-clips.ts';
import { mergeGroups } from './merge-groups.ts';
import { orderGelu } from './order-gelu.ts';
import { quantizeJoined } from './quantize-joined.ts';
import { shieldPool } from './shield-pool.ts';
import { unsignedActivations } from './unsigned-activations.ts';

/** One change of a model in ONNX's terms. The result computes the same. */
type OnnxPass = (graph: OnnxGraph, options: ResolvedOptions) => OnnxGraph;

/** What is done to the emitted model, in this order. */
const PASSES: readonly OnnxPass[] = [
  dropNeutral,
  dropDuplicates,
  mergeClips,
  fuseLayerNorm,
  orderGelu,
  unsignedActivations,
  quantizeJoined,
  foldPad,
  shieldPool,
  foldAffine,
  mergeGroups,
  foldAffine,
  dropUnreadChannels,
  dropNeedlessClips,
  dropDead,
];

/** Runs all passes. */
export function runPasses(graph: OnnxGraph, options: ResolvedOptions): OnnxGraph {
  return PASSES.reduce((current, pass) => pass(current, options), graph);
}
