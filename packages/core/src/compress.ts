import type { Scalar, Variable } from '@tensorflow/tfjs-core';
import { CompositeAlgorithm } from './algorithm/composite.ts';
import type { AlgorithmDefinition, CompressionAlgorithm } from './algorithm/definition.ts';
import { claim } from './claim.ts';
import { validate } from './config/config-error.ts';
import type { AlgorithmSection, NncfConfig, ParsedConfig } from './config/nncf-config.ts';
import { parseConfig } from './config/parse-config.ts';
import { NncfError } from './errors.ts';
import { adapterFor, isLayersModel, type CompressibleModel } from './graph/model-adapter.ts';
import { traceAdapter, type TracedModel } from './graph/trace.ts';
import { ModelCompression } from './model-compression.ts';
import { LiveModel } from './patch/live-model.ts';
import { patchTraining } from './patch/layers-model-patch.ts';
import { checkPlan } from './plan/check-plan.ts';
import type { CompressionPlan, PlanCommand } from './plan/compression-plan.ts';
import { mergePlan } from './plan/merge-plan.ts';
import { resolvePlugin } from './registry/resolve.ts';
import { algorithmToken } from './registry/tokens.ts';
import { takeBack } from './take-back.ts';

/** Options of {@link createCompressionAlgorithm}. */
export interface CompressOptions {
  /** Hears warnings; `console.warn` by default. */
  readonly warn?: (message: string) => void;
}

/** One section with the algorithm that it names and its own keys validated. */
interface Configured {
  readonly definition: AlgorithmDefinition;
  readonly section: AlgorithmSection;
  readonly config: unknown;
}

/**
 * Inserts the compression methods of a configuration into a model. The model is changed in place and stays a real
 * model; {@link ModelCompression.remove} takes everything out again.
 *
 * @param model `tf.LayersModel`, or `{ variables, call(x, { training }) }`
 * @param config as the paper's configuration files, `{ "compression": { "algorithm": … } }`
 * @throws NncfError with code, JSON pointer or scope, and a hint. The model is unchanged then.
 */
export async function createCompressionAlgorithm<Model extends CompressibleModel>(
  model: Model,
  config: NncfConfig,
  options: CompressOptions = {},
): Promise<ModelCompression<Model>> {
  const warn = options.warn ?? ((message: string) => console.warn(`[nncf] ${message}`));
  const parsed = parseConfig(config);
  const configured = await configure(parsed);
  const adapter = adapterFor(model, parsed.inputInfo);
  const undo = [claim(model, adapter)];
  try {
    const traced = traceAdapter(adapter);
    checkWeights(traced.variables);
    const plan = planAll(configured, parsed, traced, warn);
    checkPlan(plan, traced.graph);
    const composite = new CompositeAlgorithm(createAll(configured, parsed, traced, plan, warn, undo));
    const live = new LiveModel(adapter, plan, traced.graph, composite.operators, traced.scopeCalls);
    live.attach();
    undo.push(() => live.detach());
    undo.push(patchFit(model, composite));
    return new ModelCompression({
      model,
      adapter,
      graph: traced.graph,
      variables: traced.variables,
      plan,
      composite,
      plugins: parsed.plugins,
      observe: (observers) => live.observe(observers),
      watchSteps: (onStep) => live.watchSteps(onStep),
      warn,
      remove: () => takeBack(undo),
    });
  } catch (error) {
    abandon(undo);
    throw error;
  }
}

/** Leaves the model as it was; what went wrong before says more than what goes wrong here. */
function abandon(undo: (() => void)[]): void {
  try {
    takeBack(undo);
  } catch {
    // The caller throws the first error.
  }
}

async function configure(parsed: ParsedConfig): Promise<Configured[]> {
  const configured: Configured[] = [];
  for (const section of parsed.sections) {
    if (configured.some((each) => each.section.algorithm === section.algorithm)) throw twice(section);
    const definition = await resolveAlgorithm(section.algorithm, parsed.plugins);
    configured.push({
      definition,
      section,
      config: validate(definition.schema, section.options, section.pointer),
    });
  }
  return configured;
}

function resolveAlgorithm(name: string, plugins: readonly string[]): Promise<AlgorithmDefinition> {
  const own = `@nncf/${name.replaceAll('_', '-')}`;
  return resolvePlugin(algorithmToken, name, {
    packages: /^[a-z0-9_-]+$/u.test(name) ? [own, ...plugins] : plugins,
    suggestion: own,
  });
}

function planAll(
  configured: readonly Configured[],
  parsed: ParsedConfig,
  traced: TracedModel,
  warn: (message: string) => void,
): CompressionPlan {
  const commands: PlanCommand[] = [];
  for (const { definition, section, config } of configured) {
    const context = {
      config,
      pointer: section.pointer,
      targetDevice: parsed.targetDevice,
      inputInfo: parsed.inputInfo,
      epochs: parsed.epochs,
      earlier: [...commands],
      warn,
    };
    commands.push(...definition.plan(traced.graph, context));
  }
  return mergePlan(commands);
}

function createAll(
  configured: readonly Configured[],
  parsed: ParsedConfig,
  traced: TracedModel,
  plan: CompressionPlan,
  warn: (message: string) => void,
  undo: (() => void)[],
): CompressionAlgorithm[] {
  return configured.map(({ definition, section, config }) => {
    const commands = plan.commands.filter((command) => command.algorithm === definition.name);
    const earlier = plan.commands.filter((command) => command.algorithm !== definition.name);
    const shared = {
      pointer: section.pointer,
      targetDevice: parsed.targetDevice,
      inputInfo: parsed.inputInfo,
      epochs: parsed.epochs,
      warn,
    };
    const algorithm = definition.create({
      ...shared,
      config,
      earlier,
      commands,
      graph: traced.graph,
      variables: traced.variables,
    });
    undo.push(() => algorithm.dispose());
    return algorithm;
  });
}

function patchFit(model: CompressibleModel, composite: CompositeAlgorithm): () => void {
  if (!isLayersModel(model)) return () => undefined;
  const parameters = composite.parameters.map(({ variable }): Variable => variable);
  return patchTraining(model, parameters, composite.hasLoss ? (): Scalar => composite.loss() : undefined);
}

function checkWeights(variables: ReadonlyMap<string, Variable>): void {
  for (const [name, variable] of variables) {
    if (variable.dtype === 'float32' && !variable.dataSync().every(Number.isFinite)) {
      throw new NncfError({
        code: 'WEIGHTS_NOT_FINITE',
        message: `The weight "${name}" holds values that are not finite.`,
        hint: 'The training before has diverged, or the file was read wrongly.',
      });
    }
  }
}

function twice(section: AlgorithmSection): NncfError {
  return new NncfError({
    code: 'CONFIG_INVALID',
    message: `The algorithm "${section.algorithm}" stands twice, the second time at ${section.pointer}.`,
    hint: 'Give one section per algorithm; use its "scope_overrides" for differences between layers.',
  });
}
